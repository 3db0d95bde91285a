/** The signatures of executables. What is put into a signed file makes its signature wrong. */
import { createHash } from 'node:crypto';

/** Windows: the file without its signature. */
export function withoutSignature(exe) {
  // https://learn.microsoft.com/windows/win32/debug/pe-format: the certificate table is the fifth of the data directories.
  const header = exe.readUInt32LE(0x3c) + 24;
  if (exe.readUInt16LE(header) !== 0x20b) throw new Error('the executable is not for Windows on 64 bits');
  const entry = header + 112 + 4 * 8;
  const [offset, size] = [exe.readUInt32LE(entry), exe.readUInt32LE(entry + 4)];
  if (size === 0) return exe;
  if (offset + size !== exe.length) throw new Error('the signature is not at the end of the executable');
  const unsigned = Buffer.from(exe.subarray(0, offset));
  unsigned.fill(0, entry, entry + 8);
  return unsigned;
}

const PAGE = 4096;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const HASH_BYTES = 32;
/** Of a SuperBlob with one blob, and of the CodeDirectory in it, without name and hashes. */
const SUPER_BYTES = 20;
const DIRECTORY_BYTES = 88;

/**
 * macOS: the file, which has no signature, with one of nobody ("ad hoc"), as `codesign --sign -` makes it: macOS on arm64
 * starts nothing without one. The format: cs_blobs.h of XNU; Go's linker signs in the same way.
 */
export function signedAdHoc(macho, name) {
  const { end, commands, text, linkedit } = layoutOf(macho);
  const start = Math.ceil(macho.length / 16) * 16;
  const file = Buffer.concat([macho, Buffer.alloc(start - macho.length)]);
  const pages = Math.ceil(start / PAGE);
  const hashes = DIRECTORY_BYTES + name.length + 1;
  const size = SUPER_BYTES + hashes + pages * HASH_BYTES;

  file.writeUInt32LE(LC_CODE_SIGNATURE, end);
  [16, start, size].forEach((value, index) => file.writeUInt32LE(value, end + 4 + 4 * index));
  file.writeUInt32LE(commands + 1, 16);
  file.writeUInt32LE(end - 32 + 16, 20);
  const length = BigInt(start + size) - file.readBigUInt64LE(linkedit + 40);
  file.writeBigUInt64LE(length, linkedit + 48);
  file.writeBigUInt64LE(((length + 0x3fffn) / 0x4000n) * 0x4000n, linkedit + 32);

  const signature = Buffer.alloc(size);
  const words = (values, at) =>
    values.forEach((value, index) => signature.writeUInt32BE(value, at + 4 * index));
  words([0xfade0cc0, size, 1, 0, SUPER_BYTES], 0);
  // Magic, length, version, flags (ad hoc), where the hashes and the name are, special slots, slots, bytes that are signed.
  words([0xfade0c02, size - SUPER_BYTES, 0x20400, 2, hashes, DIRECTORY_BYTES, 0, pages, start], SUPER_BYTES);
  // Bytes of a hash, its kind (SHA-256), no platform, the page's size as a power of 2.
  signature.set([HASH_BYTES, 2, 0, 12], SUPER_BYTES + 36);
  // The segment with the code: offset, size, and that it is a main program.
  [0n, file.readBigUInt64LE(text + 48), 1n].forEach((value, index) =>
    signature.writeBigUInt64BE(value, SUPER_BYTES + 64 + 8 * index),
  );
  signature.write(name, SUPER_BYTES + DIRECTORY_BYTES);
  signature.set(pageHashes(file), SUPER_BYTES + hashes);
  return Buffer.concat([file, signature]);
}

/** SHA-256 of each page of what is signed. */
function pageHashes(bytes) {
  const pages = Array.from({ length: Math.ceil(bytes.length / PAGE) }, (_, index) =>
    createHash('sha256')
      .update(bytes.subarray(index * PAGE, (index + 1) * PAGE))
      .digest(),
  );
  return Buffer.concat(pages);
}

/** Where the load commands end, how many they are, and which of them are the segments of code and of links. */
function layoutOf(macho) {
  if (macho.readUInt32LE(0) !== 0xfeedfacf) throw new Error('the executable is not for macOS on 64 bits');
  const commands = macho.readUInt32LE(16);
  const segments = new Map();
  let end = 32;
  for (let index = 0; index < commands; index += 1) {
    const kind = macho.readUInt32LE(end);
    if (kind === LC_CODE_SIGNATURE) throw new Error('the executable is signed already');
    if (kind === LC_SEGMENT_64) {
      segments.set(macho.toString('latin1', end + 8, end + 24).replaceAll('\0', ''), end);
    }
    end += macho.readUInt32LE(end + 4);
  }
  const [text, linkedit] = [segments.get('__TEXT'), segments.get('__LINKEDIT')];
  // The first section begins where the room for load commands ends.
  if (end + 16 > macho.readUInt32LE(text + 72 + 48)) throw new Error('there is no room for a signature');
  return { end, commands, text, linkedit };
}
