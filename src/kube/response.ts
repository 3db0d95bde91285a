import type { IncomingMessage } from 'node:http';
import { TunnelError } from '../connecting.js';
import { isRecord, parseJSON } from '../json.js';
import { isLocal, KubeError, localError } from './errors.js';

/** Each chunk as it comes. @throws KubeError */
export async function* readChunks(
  response: IncomingMessage,
  what: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw toKubeError(error, what, signal);
  }
}

/** Undefined when it is empty. @throws KubeError */
export function parseAnswer(text: string, what: string): unknown {
  if (text === '') return undefined;
  const answer = parseJSON(text);
  if (answer === undefined) throw localError('MalformedResponse', `${what}: the answer is not JSON`);
  return answer;
}

/** Copies only the code of a foreign error (`ECONNREFUSED`, `UNABLE_TO_VERIFY_LEAF_SIGNATURE`). */
export function toKubeError(error: unknown, what: string, signal: AbortSignal): KubeError {
  if (error instanceof KubeError && !isLocal(error, 'Canceled')) return error;
  if (signal.aborted) {
    return signal.reason instanceof KubeError ? signal.reason : localError('Canceled', `${what}: canceled`);
  }
  if (error instanceof TunnelError) return localError('ConnectionFailed', `${what}: ${error.message}`);
  const code = isRecord(error) && typeof error['code'] === 'string' ? ` (${error['code']})` : '';
  return localError('ConnectionFailed', `${what}: the connection to the API server failed${code}`);
}
