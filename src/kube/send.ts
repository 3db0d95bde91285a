import http from 'node:http';
import https from 'node:https';
import type { Clock } from '../clock.js';
import { isReset } from '../connecting.js';
import { hostOf } from '../proxy.js';
import { nothing, onAbort } from '../signals.js';
import { localError } from './errors.js';
import type { TransportLimits } from './transportLimits.js';

/** A request as it goes over the wire. */
export interface Outgoing {
  /** In short, for errors. */
  readonly what: string;
  readonly server: URL;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: Buffer | undefined;
  readonly agent: http.Agent;
  /** Called when there is a connection to send it; false: the request fails with `NotLeading`. */
  readonly maySend: (() => boolean) | undefined;
}

/** A keep-alive connection was already closed when it was used again. */
export class StaleSocket extends Error {}

/**
 * Sends one request; resolves when the answer's headers have arrived. `signal` ends it, and later the answer's body too.
 *
 * @throws KubeError, StaleSocket, the signal's reason, or the network's error
 */
export function send(
  { what, server, method, path, headers, body, agent, maySend }: Outgoing,
  clock: Clock,
  { connectMs, headersMs }: TransportLimits,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const secure = server.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? https : http).request({
      agent,
      method,
      host: hostOf(server),
      port: server.port || (secure ? 443 : 80),
      path,
      headers,
    });
    let cancelTimer = nothing;
    const expect = (ms: number, missing: string): void => {
      cancelTimer();
      cancelTimer = clock.schedule(ms, () =>
        outgoing.destroy(localError('DeadlineExceeded', `${what}: ${missing} within ${ms} ms`)),
      );
    };
    const unlisten = onAbort(signal, () => {
      const error = asError(signal.reason);
      outgoing.destroy(error);
      // A request that waits for a free connection would report the error only when it gets one.
      reject(error);
    });

    outgoing.on('socket', (socket) => {
      if (maySend?.() === false) {
        outgoing.destroy(localError('NotLeading', `${what}: this process no longer leads`));
        return;
      }
      const connected = (): void => expect(headersMs, 'no answer');
      if (!socket.connecting) return connected();
      expect(connectMs, 'no connection');
      socket.once(secure ? 'secureConnect' : 'connect', connected);
    });
    outgoing.on('response', (response) => {
      cancelTimer();
      resolve(response);
    });
    outgoing.on('error', (error) => {
      cancelTimer();
      reject(outgoing.reusedSocket && isReset(error) ? new StaleSocket() : error);
    });
    outgoing.on('close', () => {
      cancelTimer();
      unlisten();
    });
    if (!outgoing.destroyed) outgoing.end(body);
  });
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
