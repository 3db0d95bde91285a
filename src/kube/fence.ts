import type { KubeRequest, Transport } from './transport.js';

/**
 * Sends writes only while `mayWrite` is true, checked at the moment of sending. A paused process wakes up in the middle
 * of its work, before a timer can stop it, and another one may lead by then.
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
