import { expect } from '@jest/globals';
import { readCloudJob, statusSchema } from '../../src/api/cloudjob.js';
import {
  findCondition,
  type ConditionStatus,
  type ConditionType,
  type Reason,
} from '../../src/api/conditions.js';
import { kstatus } from './kstatus.js';
import type { KubeObject } from './kubeClient.js';

/** One condition as a test expects it; the sentence for people only has to be there. */
export function condition(
  type: ConditionType,
  status: ConditionStatus,
  reason: Reason,
  options: { readonly generation?: number; readonly message?: RegExp } = {},
): object {
  return {
    type,
    status,
    reason,
    observedGeneration: options.generation ?? 1,
    lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    message: expect.stringMatching(options.message ?? /\S/),
  };
}

/**
 * What must hold of every status that is ever seen, whatever happened; throws the first rule that does not.
 *
 * @param secrets must not be in the object
 */
export function expectSound(object: KubeObject, secrets: readonly string[]): void {
  const { metadata, spec, status } = readCloudJob(object);
  expect(statusSchema.strict().safeParse(object.status ?? {}).error?.issues ?? []).toEqual([]);
  for (const secret of secrets) expect(JSON.stringify(object.status ?? {})).not.toContain(secret);

  const conditions = status.conditions ?? [];
  const types = conditions.map(({ type }) => type);
  expect(types).toEqual([...new Set(types)]);
  // Argo Workflows can name a condition by its place alone.
  expect([undefined, 'Ready']).toContain(types[0]);
  for (const one of conditions) {
    expect(one.observedGeneration).toBe(status.observedGeneration);
    if (['Reconciling', 'Settled', 'Stalled', 'Suspended'].includes(one.type))
      expect(one.status).toBe('True');
  }
  const stalled = findCondition(conditions, 'Stalled');
  const ready = findCondition(conditions, 'Ready');
  expect(ready?.status === 'False').toBe(stalled !== undefined);
  expect(types.includes('Settled')).toBe(ready?.status === 'True' || stalled !== undefined);
  if (stalled !== undefined) expect(types).not.toContain('Reconciling');
  expect(kstatus(object)).toBe(wantedKstatus());
  if (
    !('problems' in spec) &&
    status.phase === 'Success' &&
    status.observedGeneration === metadata.generation
  ) {
    expect(conditions.filter((one) => one.status !== 'True')).toEqual([]);
  }

  function wantedKstatus(): string {
    if (metadata.deletionTimestamp !== undefined) return 'Terminating';
    if (status.observedGeneration !== metadata.generation) return 'InProgress';
    if (stalled !== undefined) return 'Failed';
    return ready?.status === 'True' ? 'Current' : 'InProgress';
  }
}
