import http from 'node:http';
import { serve } from './child.js';

/** The least that a poll can cost in Node: a GET over a kept-alive connection, and its answer as a text. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
let stopCalls = (): void => {};
let calls = 0;

serve({
  /** Begins to ask for those URLs in turn, evenly spread over time. */
  start({ urls, perSecond }: { readonly urls: readonly string[]; readonly perSecond: number }) {
    const startedAt = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1000) * perSecond;
      for (; sent < due; sent += 1) get(urls[sent % urls.length] ?? '');
    }, 1);
    stopCalls = () => clearInterval(timer);
  },
  stop: () => stopCalls(),
  calls: () => calls,
});

function get(url: string): void {
  const request = http.get(url, { agent, headers: { 'X-Auth-Token': 'sandbox-token' } }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      if (Buffer.concat(chunks).toString('utf8').includes('"phase"')) calls += 1;
    });
  });
  // The server may close a kept connection in the moment it is used; such a call is not counted.
  request.on('error', () => undefined);
}
