import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../clock.js';
import type { Answer } from './answer.js';
import type { FaultRule } from './faults.js';

const OVERSIZED_MIB = 64;

/** Sends an answer, correctly or with the fault. */
export async function deliver(
  response: ServerResponse,
  answer: Answer,
  fault: FaultRule | undefined,
  requestID: string,
  clock: Clock,
): Promise<void> {
  const body = Buffer.from(serialize(answer, requestID));
  const half = body.subarray(0, Math.floor(body.length / 2));
  const head = (length: number | undefined): void => {
    response.writeHead(answer.status, {
      server: 'api-gateway',
      'X-Request-Id': requestID,
      ...(answer.body === undefined ? {} : { 'content-type': contentType(answer) }),
      ...(length === undefined ? {} : { 'content-length': length }),
      ...answer.headers,
    });
  };
  switch (fault?.kind) {
    case 'reset-before-headers':
      response.socket?.resetAndDestroy();
      return;
    case 'reset-after-headers':
      head(body.length);
      await written(response, half);
      response.socket?.resetAndDestroy();
      return;
    case 'slow-headers':
      if (await waited(response, fault.seconds, clock)) {
        head(body.length);
        response.end(body);
      }
      return;
    case 'slow-body':
      head(body.length);
      await written(response, half);
      if (await waited(response, fault.seconds, clock)) response.end(body.subarray(half.length));
      return;
    case 'truncated-json':
      head(half.length);
      response.end(half);
      return;
    case 'oversized-body':
      head(undefined);
      await writeOversized(response);
      return;
    default:
      head(body.length);
      response.end(body);
  }
}

function serialize({ body }: Answer, requestID: string): string {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  return JSON.stringify(isGatewayError(body) ? { ...body, request_id: requestID } : body);
}

function isGatewayError(body: unknown): body is Record<string, unknown> {
  return typeof body === 'object' && body !== null && 'error_code' in body && !('kind' in body);
}

function contentType({ body }: Answer): string {
  return typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
}

/** Resolves when the bytes are handed to the operating system, or the connection is gone. */
function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve);
    response.write(bytes, () => resolve());
  });
}

/** True after that time; false when the client disconnects. */
function waited(response: ServerResponse, seconds: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(seconds * 1000, () => resolve(!response.destroyed));
    response.once('close', () => {
      cancel();
      resolve(false);
    });
  });
}

async function writeOversized(response: ServerResponse): Promise<void> {
  const gone = once(response, 'close');
  const chunk = Buffer.alloc(1024 * 1024, 'a');
  response.write('{"kind":"Job","apiVersion":"v3","metadata":{"uid":"');
  for (let sent = 0; sent < OVERSIZED_MIB && !response.destroyed; sent += 1) {
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), gone]);
  }
  if (!response.destroyed) response.end('"}}');
}
