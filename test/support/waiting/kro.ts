import type { KubeObject } from '../kubeClient.js';
import { celBoolean } from './cel.js';
import type { Verdict } from './verdict.js';

/**
 * kro's rule (docs, "Readiness"): all expressions of `readyWhen` are true of the object, which they know by its ID. One that
 * ends in an error is not.
 */
export function kroVerdict(id: string, readyWhen: readonly string[], object: KubeObject): Verdict {
  try {
    return readyWhen.every((text) => celBoolean(/^\$\{(.*)\}$/.exec(text)?.[1] ?? '', { [id]: object }))
      ? 'done'
      : 'waits';
  } catch {
    return 'waits';
  }
}
