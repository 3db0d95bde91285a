import { open } from 'node:fs/promises';

const MAX_BYTES = 16_384;

/**
 * The token in a file that is renewed elsewhere, such as a projected service account token; read again each time.
 * Undefined when it cannot be read, is empty, too long (16 KiB) or not a single line of ASCII.
 */
export async function readTokenFile(path: string): Promise<string | undefined> {
  let text: string;
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
      if (bytesRead > MAX_BYTES) return undefined;
      text = buffer.toString('utf8', 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined;
}
