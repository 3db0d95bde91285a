import type { KubeObject } from '../kubeClient.js';
import type { Verdict } from './verdict.js';

/**
 * The rule of the annotation `pulumi.com/waitFor: condition=TYPE` (pulumi-kubernetes provider/pkg/await/condition), which is
 * kubectl's: the condition is True, and is about the newest generation.
 */
export function pulumiVerdict(waitFor: string, { metadata, status }: KubeObject): Verdict {
  const wanted = waitFor.replace(/^condition=/, '').toLowerCase();
  const condition = status?.conditions?.find(({ type }) => type.toLowerCase() === wanted);
  if (condition === undefined) return 'waits';
  const observed = Number(condition.observedGeneration ?? status?.observedGeneration ?? Infinity);
  return condition.status === 'True' && observed >= (metadata.generation ?? 0) ? 'done' : 'waits';
}
