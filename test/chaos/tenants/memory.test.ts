import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FatApi } from '../../support/fatApi.js';
import { imageFlags } from '../../support/image.js';
import { reports } from '../../support/jobs.js';
import type { Answer } from '../../support/scriptedCloud.js';
import { until } from '../../support/until.js';
import { World } from '../../support/world.js';

const MIB = 1024 * 1024;
/** The container's, which Node gives the half of to long-lived objects. */
const LIMIT_MIB = Number(
  /limits:\s+memory: (\d+)Mi/.exec(readFileSync('deploy/base/deployment.yaml', 'utf8'))?.[1],
);
const NODE_FLAGS = [...imageFlags(), `--max-old-space-size=${LIMIT_MIB / 2}`];
/** So often it polls the good job within that time; every 2 s in quiet times. */
const POLLS = 3;
const TRIAL_MS = 15_000;
const TRIAL_DEADLINE_MS = 120_000;
const TEST_MS = 300_000;

let api: FatApi | undefined;
const world = await World.start(async (upstream) => {
  api = await FatApi.start(upstream);
  return api.port;
});
afterAll(async () => {
  await world.stop();
  await api?.stop();
}, 60_000);

const RUNNING = { body: { kind: 'Job', status: { phase: 'Running' } } };

beforeEach(() => {
  if (api !== undefined) api.fatten = (_, json) => json;
});
afterEach(async () => {
  await world.stopOperator();
  await world.deleteCloudJobs();
});

/** Puts more into objects whose names begin with `fat-` than they have, in what is read at such a path. */
function fatten(at: string, place: RegExp, more: string): void {
  if (api === undefined) throw new Error('the world has not started');
  api.fatten = (path, json) =>
    path.includes(at) ? json.replaceAll(place, (found) => `${found}${more}`) : json;
}

/** CloudJobs of one namespace, and so of one region of the cloud. */
interface Tenant {
  readonly cloudJobs: number;
  /** The cloud's, about each of their jobs. */
  readonly answer: Answer;
  /** The Secret of each; the namespace's if left out. */
  readonly secretOf?: (index: number) => string;
}

async function create({ cloudJobs, answer, secretOf }: Tenant): Promise<string> {
  const namespace = await world.namespace();
  for (let index = 0; index < cloudJobs; index += 1) {
    const name = `fat-${namespace}-${index}`;
    world.cloud.answer(name, answer);
    const secret = secretOf?.(index);
    if (secret !== undefined) await world.copySecret(namespace, secret);
    const credentialsRef = secret === undefined ? {} : { credentialsRef: { name: secret } };
    await world.follow(namespace, name, { pollIntervalSeconds: 5, ...credentialsRef });
  }
  return namespace;
}

/**
 * Follows a good job beside bad tenants, with the memory of the image, and demands that nobody notices: the operator stays,
 * keeps its Lease, and polls the good job and writes its end as ever.
 */
async function bear(...tenants: readonly Tenant[]): Promise<void> {
  const good = await world.namespace();
  const jobID = `good-${good}`;
  world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
  const ref = await world.follow(good, jobID);
  const bad: string[] = [];
  for (const tenant of tenants) bad.push(await create(tenant));

  await world.startOperator([], { nodeFlags: NODE_FLAGS, logLevel: 'info' });
  const { operator } = world;
  await untilAllSeen(bad);
  await world.untilPolled(jobID, POLLS, TRIAL_MS);
  world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
  await world.untilStatus(ref, 'to be seen to end', ({ phase }) => phase === 'Success', TRIAL_DEADLINE_MS);

  expect(world.operator).toBe(operator);
  expect([operator.exit, operator.lostLease]).toEqual([undefined, false]);
  expect(operator.peakBytes / MIB).toBeLessThan(LIMIT_MIB);
}

/** Until all have a status: for each that is new somebody waits, and it comes before what is polled again. */
async function untilAllSeen(namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    await until(
      'a status of all CloudJobs',
      async () => (await world.statuses(namespace)).every(({ conditions }) => conditions !== undefined),
      TRIAL_DEADLINE_MS,
      () => world.operator.logTail(),
    );
  }
}

describe('the memory of the image is enough beside a tenant with', () => {
  it.each([
    ['260 Secrets of 1 MB', 'filler'],
    ['260 Secrets with a token of 1 MB', 'token'],
  ])(
    '%s',
    async (_, key) => {
      // Of two values of a key the last one counts.
      fatten('/secrets/long-secret', /"data":\{[^}]*/g, `,"${key}":"${'x'.repeat(1_330_000)}"`);
      await bear({ cloudJobs: 260, answer: RUNNING, secretOf: (index) => `long-secret-${index}` });
    },
    TEST_MS,
  );

  it.each<[string, number, object]>([
    ['600 CloudJobs with 256 kB of annotations', 600, { annotations: { note: 'x'.repeat(256_000) } }],
    ['110 CloudJobs of 1.25 MB', 110, { labels: labels(16_000) }],
  ])(
    '%s',
    async (_, cloudJobs, more) => {
      fatten('/cloudjobs', /"name":"fat-[^"]*"/g, `,${JSON.stringify(more).slice(1, -1)}`);
      await bear({ cloudJobs, answer: RUNNING });
    },
    TEST_MS,
  );

  it(
    'a cloud that answers with as much as it can, in whatever way',
    async () => {
      const head = '{"kind":"Job","status":{"phase":"Running"},"spec":{"subJobs":[';
      const subJob = JSON.stringify({
        kind: 'Job',
        metadata: { uid: 'x'.repeat(36) },
        spec: { type: 'InstallNode', resourceName: 'n'.repeat(100) },
        status: { phase: 'Failed', reason: 'r'.repeat(200) },
      });
      const tenants: readonly (readonly [number, Answer])[] = [
        [20, { body: `${head}],"more":"${'x'.repeat(4 * MIB)}"}}` }],
        [20, { body: `${head}${`${subJob},`.repeat(2_000)}{}]}}` }],
        [20, { body: `${head}${'{},'.repeat(340_000)}{}]}}` }],
        [20, { status: 500, body: 'e r r o r '.repeat(100_000) }],
        [4, { raw: inChunksOfOneByte(`${head}],"more":"${'x'.repeat(900_000)}"}}`) }],
        [4, { raw: inChunksOfOneByte('x'.repeat(4 * MIB)) }],
      ];
      await bear(...tenants.map(([cloudJobs, answer]) => ({ cloudJobs, answer })));
    },
    TEST_MS,
  );
});

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 'x'.repeat(63)]));
}

function inChunksOfOneByte(body: string): Buffer {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  return Buffer.from(`${head}${body.replaceAll(/./gs, '1\r\n$&\r\n')}0\r\n\r\n`);
}
