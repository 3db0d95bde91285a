import type { KubeRequest, Transport } from './transport.js';

/**
 * Requests that change something go out only while `mayWrite` says so, asked in the moment of sending: a process that
 * was paused wakes up in the middle of its work, before any timer could stop it, and another one may lead by now.
 */
export class FencedTransport implements Transport {
  constructor(
    private readonly transport: Transport,
    private readonly mayWrite: () => boolean,
  ) {}

  /** @throws KubeError `NotLeading` when it may not be sent */
  request(request: KubeRequest, signal: AbortSignal): Promise<unknown> {
    return this.transport.request(
      request.method === 'GET' ? request : { ...request, maySend: this.mayWrite },
      signal,
    );
  }

  stream(request: KubeRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    return this.transport.stream(request, signal);
  }
}
