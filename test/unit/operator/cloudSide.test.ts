import { expect, it } from '@jest/globals';
import type { HttpAnswer } from '../../../src/cloud/http.js';
import { createCloudSide } from '../../../src/operator/cloudSide.js';
import type { Metrics } from '../../../src/ops/metrics.js';
import { readConfig } from '../../../src/settings/config.js';
import { readSettings } from '../../../src/settings/settings.js';
import { FakeClock } from '../../support/fakeClock.js';
import { TestServer } from '../cloud/server.js';

const QUIET = {
  info: () => undefined,
  warn: () => undefined,
  debug: () => undefined,
  error: () => undefined,
};

it('a request to the cloud is given up after requestDeadlineSeconds, and not before', async () => {
  const server = await new TestServer(() => undefined).start();
  const clock = new FakeClock();
  const config = readConfig({ requestDeadlineSeconds: 25 }, 'config.yaml', {});
  const { http } = createCloudSide({
    settings: { ...readSettings([], {}), config },
    clock,
    random: () => 0.5,
    logger: QUIET,
    metrics: { cloudCalled: () => undefined } as unknown as Metrics,
    proxyFor: () => undefined,
    wake: () => undefined,
  });
  const answers: HttpAnswer[] = [];
  const { signal } = new AbortController();
  const request = { method: 'GET', url: new URL(server.url), headers: {}, signal } as const;

  const sent = http.send(request).then((answer) => answers.push(answer));
  await server.arrivals(1);
  await clock.advance(24_999);
  expect(answers).toEqual([]);
  await clock.advance(1);
  await sent;

  expect(answers).toMatchObject([
    { kind: 'failed', error: { class: 'transient', message: 'no complete answer in time' } },
  ]);
  http.close();
  await server.stop();
});
