import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from '@jest/globals';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { hasPrometheus, PrometheusProcess, type StoredSeries } from '../support/prometheusProcess.js';
import { hasPromtool, testRules } from '../support/promtool.js';
import { RefusingApi, type Treatment } from '../support/refusingApi.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

const RULES = fileURLToPath(new URL('../../deploy/monitoring/alerts.yaml', import.meta.url));
const METRICS = { up: 'up', leading: 'leader_election_master_status' };
/** Each scrape stands for a minute: after this many, a rule that waits for five minutes fires. */
const LONG = 8;

/** What one scrape of the replicas a and b has: each metric's value for both, as in `1 0`. */
type Scraped = Readonly<Record<keyof typeof METRICS, string>>;

const canRun = hasPromtool && hasPrometheus && realKubeconfig === undefined;
const why =
  realKubeconfig === undefined
    ? 'prometheus and promtool are not installed'
    : 'runs on the embedded Kubernetes API alone';

describeWhen(canRun, why)('the alerting rules, on what Prometheus scrapes from two replicas', () => {
  let api: RefusingApi;
  let world: World;
  let prometheus: PrometheusProcess;
  const ports: Record<string, number> = {};
  afterAll(async () => {
    await prometheus?.stop();
    await world?.stop();
    await api?.stop();
  }, 60_000);

  /** Starts a replica that Prometheus knows by that name. */
  async function start(name: 'a' | 'b', namespace: string): Promise<OperatorProcess> {
    const replica = world.launch({ door: api.port, namespaces: [namespace] });
    await replica.ready();
    ports[name] = replica.port ?? 0;
    prometheus.scrape(ports);
    return replica;
  }

  /** Waits until the newest scrapes all have that, and returns the minute of the last. */
  async function untilScraped(
    what: string,
    count: number,
    wanted: (scraped: Scraped) => boolean,
  ): Promise<number> {
    let stored: readonly StoredSeries[] = [];
    return until(
      `Prometheus to see ${what}`,
      async () => {
        stored = await prometheus.read(Object.values(METRICS));
        const minutes = stored[0]?.values.length ?? 0;
        const newest = Array.from({ length: Math.min(count, minutes) }, (_, ago) =>
          scrapedAt(stored, minutes - 1 - ago),
        );
        return newest.length === count && newest.every(wanted) && minutes - 1;
      },
      120_000,
      () => stored.map(({ series, values }) => `${series} ${values.join(' ')}`).join('\n'),
    );
  }

  it('none that works, then one that does, then none that answers', async () => {
    let leases: Treatment = 'refuse';
    world = await World.start(async ({ server }) => {
      api = await RefusingApi.start({ host: server.hostname, port: Number(server.port) });
      return api.port;
    });
    api.treat((_, path) => (path.includes('/leases') ? leases : 'pass'));
    prometheus = new PrometheusProcess();
    const namespace = await world.namespace();
    const a = await start('a', namespace);
    const b = await start('b', namespace);

    const idle = await untilScraped(
      'both wait',
      LONG,
      ({ up, leading }) => up === '1 1' && leading === '0 0',
    );
    leases = 'pass';
    const working = await untilScraped('one work', LONG, ({ leading }) => leading.includes('1'));
    await a.kill9();
    const alone = await untilScraped('one answer', LONG, ({ up }) => up === '0 1');
    b.freeze();
    const down = await untilScraped('none answer', LONG, ({ up }) => up === '0 0');
    b.thaw();
    const back = await untilScraped('one answer again', 1, ({ up }) => up === '0 1');

    const stored = await prometheus.read(Object.values(METRICS));
    const minutes = Array.from({ length: back + 1 }, (_, minute) => scrapedAt(stored, minute));
    const firstIdle = minutes.findIndex(({ leading }) => leading.includes('0'));
    const lastAnswer = minutes.findLastIndex(({ up }, minute) => minute < down && up.includes('1'));
    // Whether the one that was killed had the Lease, and whether the other has got it since, is no matter here.
    const perhaps = ['CloudJobOperatorNotWorking'];
    expect(
      await testRules(
        RULES,
        stored.map(({ series, values }) => ({ series, values: values.join(' ') })),
        [
          { minute: firstIdle + 4, alerts: [] },
          { minute: idle, alerts: ['CloudJobOperatorNotWorking'] },
          { minute: working, alerts: [] },
          { minute: alone, alerts: [], perhaps },
          { minute: lastAnswer + 4, alerts: [], perhaps },
          { minute: down, alerts: ['CloudJobOperatorDown'] },
          { minute: back, alerts: [] },
        ],
      ),
    ).toBe('');
  }, 300_000);
});

/** What was scraped of the replicas in that minute. */
function scrapedAt(stored: readonly StoredSeries[], minute: number): Scraped {
  const of = (metric: string, instance: string): string =>
    stored.find(({ series }) => series.startsWith(`${metric}{`) && series.includes(`instance="${instance}"`))
      ?.values[minute] ?? '_';
  const ofBoth = (metric: string): string => `${of(metric, 'a')} ${of(metric, 'b')}`;
  return { up: ofBoth(METRICS.up), leading: ofBoth(METRICS.leading) };
}
