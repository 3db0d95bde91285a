import type { KubeObject } from '../kubeClient.js';
import { conditionStatus, type Verdict } from './verdict.js';

/** The rule of `wait_condition` of the module kubernetes.core.k8s (plugins/module_utils/k8s/waiter.py); it knows no generations. */
export function ansibleVerdict(
  condition: { readonly type: string; readonly status: string },
  object: KubeObject,
): Verdict {
  return conditionStatus(object, condition.type) === condition.status ? 'done' : 'waits';
}
