import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from '@jest/globals';
import { reports } from '../support/jobs.js';
import { OperatorProcess } from '../support/operatorProcess.js';
import {
  hasPromtool,
  readScrape,
  stretch,
  testRules,
  TROUBLE_AT,
  type Expectation,
  type Recording,
  type Scrape,
} from '../support/promtool.js';
import { RefusingApi, type Treatment } from '../support/refusingApi.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { takeTurns } from '../support/turns.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

const RULES = fileURLToPath(new URL('../../deploy/monitoring/alerts.yaml', import.meta.url));
const rules = readFileSync(RULES, 'utf8');
const METRICS = new Set(rules.match(/\b(?:cloudjob|controller_runtime|workqueue|leader_election)_[a-z_]+/g));
/** The longest that any rule waits, in minutes, and more. */
const LATE = TROUBLE_AT + 110;
/** Of one wait for a scrape, and of a test that waits until others have ended. */
const DEADLINE_MS = 90_000;
const TEST_MS = 400_000;
/** A machine of two cores starts no more operators at a time. */
const inTurn = takeTurns(4);
/** Between the two scrapes in trouble: the operator polls about every second, and backs off from what fails. */
const WATCHED_MS = 2_000;
const UP = { series: 'up{job="cloudjob-operator",instance="a"}', values: '1x200' };

/** How one kind of trouble is made, each in a namespace and a region of its own. */
interface Trouble {
  /** How many CloudJobs there are; one if left out. */
  readonly jobs?: number;
  /** For an operator with another config than the others. */
  readonly config?: (yaml: string) => string;
  /** Whether it is there before the operator starts, so that there is no time in which all was well. */
  readonly fromTheStart?: true;
  /** Brings it about. */
  readonly begin: (namespace: string, jobIDs: readonly string[]) => void | Promise<void>;
  /** What `/metrics` has to say before the first scrape that counts. */
  readonly seen: (scrape: Scrape) => boolean;
  /** Whether no job is observed as long as it lasts. */
  readonly isUnobserved?: true;
  /** What has to grow between the two scrapes that count. */
  readonly grows?: (scrape: Scrape) => number;
  /** Expected at the end, and shortly after the trouble began. */
  readonly alerts: readonly string[];
  readonly atOnce?: readonly string[];
  /** What may also fire at the end. */
  readonly perhaps?: readonly string[];
}

const describeHere = describeWhen(
  hasPromtool && realKubeconfig === undefined,
  hasPromtool ? 'runs on the embedded Kubernetes API alone' : 'promtool is not installed',
);
let api: RefusingApi | undefined;
// Concurrent tests do not wait for "beforeAll".
const world =
  hasPromtool && realKubeconfig === undefined
    ? await World.start(async ({ server }) => {
        api = await RefusingApi.start({ host: server.hostname, port: Number(server.port) });
        return api.port;
      })
    : (undefined as never);
const treatments = new Map<string, (method: string, path: string) => Treatment>();
api?.treat((method, path) => {
  const namespace = /\/namespaces\/([^/]+)/.exec(path)?.[1] ?? '';
  return treatments.get(namespace)?.(method, path) ?? 'pass';
});
const operators: OperatorProcess[] = [];
afterAll(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await world?.stop();
  await api?.stop();
}, 60_000);

function answerAll(jobIDs: readonly string[], answer: Parameters<World['cloud']['answer']>[1]): void {
  for (const jobID of jobIDs) world.cloud.answer(jobID, answer);
}

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'no trouble at all': {
    begin: () => undefined,
    seen: () => true,
    alerts: [],
  },
  'a job that fails': {
    begin: (_, [jobID = '']) =>
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Failed', reason: 'no quota' })),
    seen: (scrape) => scrape.get('cloudjob_jobs{phase="failed"}') === 1,
    atOnce: ['CloudJobsFailed'],
    alerts: [],
  },
  'a region that does not answer': {
    jobs: 10,
    begin: (_, jobIDs) => answerAll(jobIDs, { instead: 'reset' }),
    seen: (scrape) => sum(scrape, 'cloudjob_region_breaker_open') === 1,
    isUnobserved: true,
    alerts: ['CloudJobObservationStale', 'CloudJobRegionUnreachable'],
    // While the breaker is open there are few polls.
    perhaps: ['CloudJobPollsFailing'],
  },
  'an access key that the cloud rejects': {
    jobs: 10,
    begin: async (namespace, jobIDs) => {
      await world.putSecret(namespace, { accessKey: 'unknown', secretKey: 'unknown' });
      // The token of before no longer works either, so that the Secret is read again.
      answerAll(jobIDs, { status: 401, body: { error_code: 'APIGW.0301', error_msg: 'rejected' } });
    },
    seen: (scrape) => sum(scrape, 'cloudjob_credential_breakers_open') === 1,
    isUnobserved: true,
    alerts: ['CloudJobCredentialsRejected', 'CloudJobObservationStale'],
    perhaps: ['CloudJobPollsFailing'],
  },
  'a cloud that throttles': {
    jobs: 5,
    begin: (_, jobIDs) => answerAll(jobIDs, { status: 429, headers: { 'retry-after': '1' }, body: {} }),
    seen: (scrape) => sum(scrape, 'cloudjob_looks_total', 'throttled') > 2,
    grows: (scrape) => sum(scrape, 'cloudjob_looks_total', 'throttled'),
    isUnobserved: true,
    alerts: ['CloudJobPollsFailing', 'CloudJobObservationStale', 'CloudJobThrottled'],
  },
  'a budget that is too small': {
    jobs: 20,
    config: (yaml) =>
      yaml.replace(/requestsPerSecond: \d+/, 'requestsPerSecond: 1').replace(/burst: \d+/, 'burst: 1'),
    fromTheStart: true,
    begin: () => undefined,
    seen: (scrape) => sum(scrape, 'cloudjob_budget_waiting') > 5,
    alerts: ['CloudJobBudgetTooSmall'],
  },
  'a status that may not be written': {
    begin: (namespace, [jobID = '']) => {
      treatments.set(namespace, (method) => (method === 'PUT' ? 'refuse' : 'pass'));
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    },
    seen: (scrape) => sum(scrape, 'controller_runtime_reconcile_errors_total') > 1,
    grows: (scrape) => sum(scrape, 'controller_runtime_reconcile_errors_total'),
    alerts: ['CloudJobReconcilesFailing'],
  },
  'an API server that does not answer writes': {
    // More than there are workers.
    jobs: 80,
    fromTheStart: true,
    begin: (namespace) => {
      treatments.set(namespace, (method) => (method === 'PUT' ? 'hang' : 'pass'));
    },
    // At the start they wait for the budget, too.
    seen: (scrape) => sum(scrape, 'workqueue_depth') > 0 && sum(scrape, 'cloudjob_budget_waiting') === 0,
    perhaps: ['CloudJobReconcilesFailing'],
    alerts: ['CloudJobQueueBehind'],
  },
  'a watch that is refused': {
    fromTheStart: true,
    begin: (namespace) => {
      treatments.set(namespace, (_, path) => (path.includes('watch=') ? 'refuse' : 'pass'));
    },
    grows: (scrape) => sum(scrape, 'cloudjob_watch_restarts_total', 'failed'),
    seen: (scrape) => sum(scrape, 'cloudjob_watch_restarts_total', 'failed') > 1,
    alerts: ['CloudJobWatchFailing'],
  },
  'Events that the API server refuses': {
    // They are polled one after the other, so that the number of refusals grows.
    jobs: 30,
    begin: (namespace, jobIDs) => {
      treatments.set(namespace, (_, path) => (path.includes('/events') ? 'refuse' : 'pass'));
      for (const jobID of jobIDs) world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    },
    seen: (scrape) => sum(scrape, 'cloudjob_events_total', 'refused') > 0,
    grows: (scrape) => sum(scrape, 'cloudjob_events_total', 'refused'),
    alerts: ['CloudJobEventsRefused'],
  },
};

describeHere('the alerting rules, on what an operator in trouble really says:', () => {
  it.concurrent.each(Object.entries(TROUBLES))(
    '%s',
    (_, trouble) =>
      inTurn(async () => {
        const recording = await record(trouble);
        const { alerts, perhaps = [], atOnce = [], isUnobserved = false } = trouble;
        const growing = isUnobserved ? /_total$|_age_seconds$/ : /_total$/;
        const expectations: readonly Expectation[] = [
          { minute: TROUBLE_AT - 1, alerts: [] },
          { minute: TROUBLE_AT + 2, alerts: atOnce },
          { minute: LATE, alerts, perhaps },
        ];

        expect(await testRules(RULES, [UP, ...stretch(recording, METRICS, growing)], expectations)).toBe('');
      }),
    TEST_MS,
  );
});

/** Runs an operator into the trouble. */
async function record(trouble: Trouble): Promise<Recording> {
  const { jobs = 1, config, begin, seen, grows, fromTheStart = false } = trouble;
  const namespace = await world.namespace();
  const jobIDs = Array.from({ length: jobs }, (_, index) => `${namespace}-${index}`);
  for (const jobID of jobIDs) {
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
    await world.follow(namespace, jobID);
  }
  const yaml = readFileSync(world.configFile, 'utf8');
  const configFile = `${world.configFile}.${namespace}`;
  writeFileSync(configFile, config === undefined ? yaml : config(yaml));
  if (fromTheStart) await begin(namespace, jobIDs);
  const operator = new OperatorProcess({
    configFile,
    kubeconfigFile: world.writeKubeconfig(`${namespace}.kubeconfig`, { namespace }),
    namespaces: [namespace],
  });
  operators.push(operator);
  await operator.ready();
  // When the last scrape was asked for: its answer may wait for this process.
  let askedAt = 0;
  const scrape = async (): Promise<Scrape> => {
    askedAt = performance.now();
    return readScrape((await operator.http('/metrics')).text);
  };
  const scrapeWhen = (what: string, wanted: (now: Scrape) => boolean): Promise<Scrape> =>
    until(
      what,
      async () => {
        const now = await scrape();
        return wanted(now) && now;
      },
      DEADLINE_MS,
      () => operator.logTail(),
    );

  const before = fromTheStart
    ? new Map<string, number>()
    : await scrapeWhen('all jobs to be followed', (now) => sum(now, 'cloudjob_jobs', '"running"') === jobs);
  if (!fromTheStart) await begin(namespace, jobIDs);
  const during = await scrapeWhen('the trouble', seen);
  const startedAt = askedAt;
  const later = await scrapeWhen(
    'it to go on',
    (now) =>
      askedAt - startedAt > WATCHED_MS && seen(now) && (grows === undefined || grows(now) > grows(during)),
  );
  const seconds = (askedAt - startedAt) / 1000;
  await operator.stop();
  return { before, during, later, seconds };
}

/** Over all series of a metric whose labels contain the text. */
function sum(samples: Scrape, name: string, labels = ''): number {
  let total = 0;
  for (const [series, value] of samples) {
    if (series.split('{')[0] === name && series.includes(labels)) total += value;
  }
  return total;
}
