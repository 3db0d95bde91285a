import type { KubeObject } from '../kubeClient.js';
import { celBoolean } from './cel.js';
import type { Verdict } from './verdict.js';

/** One entry of `spec.healthCheckExprs`. */
export interface HealthCheckExprs {
  readonly inProgress?: string | undefined;
  readonly failed?: string | undefined;
  readonly current: string;
}

/**
 * Flux' rule (fluxcd/pkg runtime/cel/status_evaluator.go): another generation is in progress, then `inProgress`,
 * `failed`, `current`, in this order. An expression that ends in an error makes the status Unknown, which is polled on.
 */
export function fluxVerdict({ inProgress, failed, current }: HealthCheckExprs, object: KubeObject): Verdict {
  const { generation } = object.metadata;
  const observed = object.status?.observedGeneration;
  if (observed !== undefined && generation !== undefined && observed !== generation) return 'waits';
  try {
    if (inProgress !== undefined && celBoolean(inProgress, object)) return 'waits';
    if (failed !== undefined && celBoolean(failed, object)) return 'fails';
    return celBoolean(current, object) ? 'done' : 'waits';
  } catch {
    return 'waits';
  }
}
