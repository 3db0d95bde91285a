import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.js';
import { LeaseHolder } from '../../../src/kube/lease.js';
import { HttpTransport } from '../../../src/kube/transport.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { growthPerTurn } from '../../support/heap.js';
import { half, MemoryLogger, plainAccess } from './support.js';

/** A Lease behind real HTTP, and how often it was written. */
class HttpLease {
  writes = 0;
  readonly #server: Server;
  #spec: object = {};
  #onWrite: () => void = () => undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      void (async () => {
        const body = await bodyOf(request);
        if (request.method !== 'GET') {
          this.#spec = { ...this.#spec, ...(JSON.parse(body) as { readonly spec: object }).spec };
          this.writes += 1;
          response.once('finish', () => this.#onWrite());
        }
        const metadata = { name: 'operator', uid: 'u', resourceVersion: String(this.writes) };
        response.end(JSON.stringify({ metadata, spec: this.#spec }));
      })();
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  nextWrite(): Promise<void> {
    return new Promise((resolve) => {
      this.#onWrite = resolve;
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

const lease = new HttpLease();
afterEach(() => lease.close());

it('a Lease that is renewed for days leaves no memory behind', async () => {
  const clock = new FakeClock();
  const transport = new HttpTransport({
    access: plainAccess(await lease.listen()),
    clock,
    userAgent: 'test',
  });
  const client = new KubeClient({ transport, clock, random: half });
  const logger = new MemoryLogger();
  const holder = new LeaseHolder({
    client,
    clock,
    random: half,
    logger,
    namespace: 'ops',
    name: 'operator',
    identity: 'a',
    count: 1,
  });
  const stop = new AbortController();
  const running = holder.run(stop.signal, (_, ending, lost) => untilEither(ending, lost));
  await lease.nextWrite();

  const bytes = await growthPerTurn(3_000, async () => {
    const written = lease.nextWrite();
    await settle();
    await clock.advance(2_500);
    await written;
  });
  stop.abort();
  await running;
  transport.close();

  // It was 3,000 while each renewal left a composite signal behind.
  expect(bytes).toBeLessThan(300);
  expect(logger.lines.filter(({ level }) => level !== 'info')).toEqual([]);
});

function untilEither(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
