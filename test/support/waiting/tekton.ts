import type { KubeObject } from '../kubeClient.js';
import { conditionStatus, type Verdict } from './verdict.js';

/** How Tekton and Knative read anything that runs to its end: by its condition Succeeded alone. */
export function tektonVerdict(object: KubeObject): Verdict {
  const succeeded = conditionStatus(object, 'Succeeded');
  if (succeeded === 'True') return 'done';
  return succeeded === 'False' ? 'fails' : 'waits';
}
