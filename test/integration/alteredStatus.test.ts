import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CLOUD_JOBS, readCloudJob, type CloudJob } from '../../src/api/cloudjob.js';
import { readJob } from '../../src/cloud/job.js';
import { systemClock } from '../../src/clock.js';
import { loadClusterAccess } from '../../src/kube/access/kubeconfig.js';
import { KubeClient } from '../../src/kube/client.js';
import { HttpTransport } from '../../src/kube/transport.js';
import { decide } from '../../src/reconcile/decide.js';
import { reports } from '../support/jobs.js';
import { until } from '../support/until.js';
import { World, type Ref } from '../support/world.js';

const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cloudjobs.cloudjob.dev';

let world: World;
beforeAll(async () => {
  world = await World.start();
}, 90_000);
afterAll(async () => world?.stop(), 60_000);

/** Texts that JSON, JavaScript, Go or a schema may take for something else. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 1_100 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '\ud800',
    'a\u0000b',
    '\u2028',
    '',
    ' ',
    'null',
    '1e400',
  ),
);
const value = fc.oneof(text, fc.jsonValue(), fc.double(), fc.constantFrom(null, -0, 1e21, true));
const { node } = fc.letrec((tie) => ({
  node: fc.record(
    {
      kind: fc.constant('Job'),
      metadata: fc.record(
        { uid: value, creationTimestamp: value, updateTimestamp: value },
        { requiredKeys: [] },
      ),
      spec: fc.record(
        {
          type: value,
          clusterUID: value,
          resourceID: value,
          resourceName: value,
          extendParam: fc.oneof(fc.dictionary(text, value, { maxKeys: 70 }), value),
          subJobs: fc.oneof({ maxDepth: 3 }, value, fc.array(tie('node'), { maxLength: 12 })),
        },
        { requiredKeys: [] },
      ),
      status: fc.record({
        phase: fc.oneof(text, fc.constantFrom('Running', 'Success', 'Failed')),
        reason: value,
      }),
    },
    { requiredKeys: ['kind', 'status'] },
  ),
}));

describe('a status, whatever the cloud says of the job,', () => {
  it('is stored as it was written: the same again is no change', async () => {
    const ref = await world.follow(await world.namespace(), 'hostile');
    const access = await loadClusterAccess(world.kubeconfigFile, systemClock);
    const transport = new HttpTransport({ access, clock: systemClock, userAgent: 'cloudjob-operator' });
    const client = new KubeClient({ transport, clock: systemClock, random: Math.random });
    const { signal } = new AbortController();
    const served = async (): Promise<CloudJob> => readCloudJob(await client.get(CLOUD_JOBS, ref, signal));

    await fc.assert(
      fc.asyncProperty(node, async (body) => {
        const read = readJob(JSON.parse(JSON.stringify(body)));
        if (read.kind !== 'job') return;
        const object = await served();
        const decided = decide(object, read, Date.now(), { unobservedMs: 0 });
        const { uid, resourceVersion } = object.metadata;
        const update = {
          apiVersion: 'cloudjob.dev/v1alpha1',
          kind: 'CloudJob',
          metadata: { ...ref, uid, resourceVersion },
          status: decided.status,
        };
        await client.updateStatus(CLOUD_JOBS, ref, update, signal);

        const again = decide(await served(), read, Date.now() + 60_000, { unobservedMs: 0 });

        expect([again.differs, again.jobChanged, again.transitions]).toEqual([false, false, []]);
      }),
      { numRuns: 60 },
    );
    transport.close();
  }, 120_000);
});

describe('under a CustomResourceDefinition that is older than the operator', () => {
  it('an unchanged job costs no write, and the operator says so once', async () => {
    // The hostile one would be polled, too.
    await world.deleteCloudJobs();
    const namespace = await world.namespace();
    await dropStatusFields(['type', 'progress', 'extendParam']);
    await world.startOperator();
    const jobIDs = ['older-a', 'older-b', 'older-c'];
    const refs: Ref[] = [];
    for (const jobID of jobIDs) {
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Running' }));
      refs.push(await world.follow(namespace, jobID, { pollIntervalSeconds: 1 }));
    }
    await Promise.all(
      refs.map((ref) => world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running')),
    );
    const before = refs.map((ref) => world.versions(ref).length);
    const writes = await writesSoFar();

    await Promise.all(jobIDs.map((jobID) => world.untilPolled(jobID, 5, 60_000)));

    expect(refs.map((ref) => world.versions(ref).length)).toEqual(before);
    expect(await writesSoFar()).toBe(writes);
    const warnings = world.operator.log.filter((line) => line.includes('is older than the operator'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"droppedFields":["progress"]');
    expect((await world.operator.http('/metrics')).text).toContain(
      'cloudjob_status_alterations_total{how="pruned"} 3',
    );
    await world.stopOperator();
  }, 120_000);
});

async function writesSoFar(): Promise<string | undefined> {
  return /^cloudjob_status_writes_total (\d+)$/m.exec((await world.operator.http('/metrics')).text)?.[1];
}

/** Makes the API server forget these fields of a CloudJob's status, as before they were added to the definition. */
async function dropStatusFields(fields: readonly string[]): Promise<void> {
  const { body } = await world.client.get(CRD);
  const crd = structuredClone(body) as {
    readonly spec: {
      readonly versions: {
        readonly schema: {
          readonly openAPIV3Schema: {
            readonly properties: { readonly status: { readonly properties: Record<string, unknown> } };
          };
        };
      }[];
    };
  };
  for (const { schema } of crd.spec.versions) {
    for (const field of fields) delete schema.openAPIV3Schema.properties.status.properties[field];
  }
  expect((await world.client.put(CRD, crd)).status).toBe(200);
  const probe = await world.follow(await world.namespace(), 'probe');
  let tries = 0;
  await until('the definition to be in force', async () => {
    tries += 1;
    await world.patchStatus(probe, { type: `try ${tries}` });
    return !('type' in ((await world.get(probe)).status ?? {}));
  });
}
