import type { KubeObject } from '../kubeClient.js';
import { celBoolean } from './cel.js';
import { conditionStatus, type Verdict } from './verdict.js';

/** `spec.readiness` of an Object of provider-kubernetes. */
export type Readiness =
  | { readonly policy: 'SuccessfulCreate' | 'DeriveFromObject' | 'AllTrue' }
  | { readonly policy: 'DeriveFromCelQuery'; readonly celQuery: string };

/** The rule of each policy (provider-kubernetes internal/controller/…/object.go). None of them can say "failed". */
export function crossplaneVerdict(readiness: Readiness, object: KubeObject): Verdict {
  return isReady(readiness, object) ? 'done' : 'waits';
}

function isReady(readiness: Readiness, object: KubeObject): boolean {
  const conditions = object.status?.conditions ?? [];
  switch (readiness.policy) {
    case 'SuccessfulCreate':
      return true;
    case 'DeriveFromObject':
      return conditionStatus(object, 'Ready') === 'True';
    case 'AllTrue':
      return conditions.length > 0 && conditions.every(({ status }) => status === 'True');
    case 'DeriveFromCelQuery':
      try {
        return celBoolean(readiness.celQuery, { object });
      } catch {
        return false;
      }
  }
}
