import { describe, expect, it } from '@jest/globals';
import { readCloudJob, REQUESTED_AT_ANNOTATION, type CloudJob } from '../../../src/api/cloudjob.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { cacheEntry, type CacheEntry } from '../../../src/cluster/cloudJobStore.js';
import {
  after,
  BY_KUBECTL,
  cloudJob,
  edited,
  failed,
  job,
  JOB_ID,
  read,
  withStatus,
} from '../../support/cloudJobs.js';
import { growthPerTurn } from '../../support/heap.js';

/** As the API server serves it. */
function served(
  object: CloudJob,
  annotations: Readonly<Record<string, string>> = {},
  managedFields: readonly object[] = BY_KUBECTL,
): KubeObject {
  const metadata = { ...object.metadata, resourceVersion: '7', annotations, managedFields };
  return { kind: 'CloudJob', ...object, metadata };
}

const wroteSpec = { operation: 'Apply', fieldsV1: { 'f:spec': { 'f:jobID': {} } } };

describe('a CloudJob in memory', () => {
  it('is kept as it was served, with those annotations that mean anything', () => {
    const object = after(cloudJob(), read('Running'));
    const used = { [REQUESTED_AT_ANNOTATION]: 'now' };
    const others = { team: 'a', 'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{}}' };

    const kept = cacheEntry(served(object, { ...used, ...others }));

    expect(kept.cloudJob).toEqual(readCloudJob(served(object, used)));
    expect(kept).toMatchObject({
      metadata: { uid: object.metadata.uid, resourceVersion: '7' },
      phase: 'running',
    });
  });

  it('keeps who would create it again, and not all that says so', () => {
    const object = served(after(cloudJob(), read('Running')), {}, [{ manager: 'Terraform', ...wroteSpec }]);

    expect(cacheEntry(object).cloudJob?.metadata).toMatchObject({
      keeper: 'the tool that writes its spec as "Terraform"',
    });
    expect(cacheEntry(object).cloudJob?.metadata).not.toHaveProperty('managedFields');
  });

  it('takes a few kilobytes at most, whatever people write into its metadata', async () => {
    const long = 'x'.repeat(100_000);
    const labels = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`l${index}`, 'x'.repeat(63)]),
    );
    const managers = Array.from({ length: 5_000 }, (_, index) => ({ manager: `m${index}`, ...wroteSpec }));
    const object = served(
      after(cloudJob(), read('Running')),
      { [REQUESTED_AT_ANNOTATION]: long, long },
      managers,
    );
    const text = JSON.stringify({
      ...object,
      metadata: { ...object.metadata, labels, finalizers: [long], ownerReferences: [{ name: long }] },
      spec: { ...(object['spec'] as object), more: long },
    });
    const kept: CacheEntry[] = [];

    const growth = await growthPerTurn(20, async () => {
      kept.push(cacheEntry(JSON.parse(text) as KubeObject));
    });

    expect(kept.at(-1)?.cloudJob?.spec.jobID).toBe(JOB_ID);
    expect(growth).toBeLessThan(20_000);
  });

  it('of which nothing is known is counted as such', () => {
    expect(cacheEntry(served(cloudJob())).phase).toBe('none');
  });

  it.each(['Success', 'Failed'])(
    'whose job has ended as %s rests, and is kept by its name alone',
    (phase) => {
      const kept = cacheEntry(served(after(cloudJob(), read(phase))));

      expect(kept).toEqual({
        metadata: {
          name: 'scale-up',
          namespace: 'infra',
          uid: cloudJob().metadata.uid,
          resourceVersion: '7',
        },
        jobID: JOB_ID,
        phase: phase === 'Success' ? 'succeeded' : 'failed',
        cloudJob: undefined,
      });
      expect(kept.cloudJob).toBeUndefined();
    },
  );

  const ended = after(cloudJob(), read('Success'));
  const wrotePhase = (manager: string): object => ({ manager, fieldsV1: { 'f:status': { 'f:phase': {} } } });
  it.each<[string, readonly object[], boolean]>([
    ['the operator', [wrotePhase('cloudjob-operator')], true],
    ['the operator, and somebody beside it', ['kubectl', 'cloudjob-operator'].map(wrotePhase), true],
    ['nobody whose name is known', [], true],
    ['a person', [wrotePhase('kubectl-edit')], false],
    ['a restore from a backup', [wrotePhase('velero-server')], false],
    ['somebody without a name', [{ fieldsV1: { 'f:status': { 'f:phase': {} } } }], false],
  ])('whose end was written by %s: rests is %3$s', (_, managedFields, rests) => {
    expect(cacheEntry(served(ended, {}, managedFields)).cloudJob === undefined).toBe(rests);
  });

  it.each<[string, KubeObject]>([
    ['is running', served(after(cloudJob(), read('Running')))],
    ['cannot be read', served(after(cloudJob(), failed('transient')))],
    ['is to be deleted later', served(after(cloudJob({ ttlSecondsAfterFinished: 60 }), read('Success')))],
    [
      'has causes of its failure that are unread',
      served(after(cloudJob(), { kind: 'job', job: job('Failed'), causesLeft: ['sub-job'] })),
    ],
    ['has a poll requested', served(ended, { [REQUESTED_AT_ANNOTATION]: 'now' })],
    ['has another spec by now', served(edited(ended, { suspend: true }))],
    ['lacks a condition', served(withStatus(ended, { ...ended.status, conditions: [] }))],
    ['has a status of another job', served(withStatus(ended, { ...ended.status, jobID: 'another' }))],
  ])('that %s does not rest', (_, object) => {
    expect(cacheEntry(object).cloudJob).toEqual(readCloudJob(object));
  });
});
