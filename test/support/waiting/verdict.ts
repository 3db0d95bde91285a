import type { KubeObject } from '../kubeClient.js';

/** What a tool makes of an object: it goes on (`done`), gives up at once (`fails`), or goes on waiting. */
export type Verdict = 'done' | 'fails' | 'waits';

/** The status of the condition of that type, if the object has it. */
export function conditionStatus({ status }: KubeObject, type: string): string | undefined {
  return status?.conditions?.find((one) => one.type === type)?.status;
}

/** The text, number or truth value at a path such as `status.conditions.0.status`, as text. */
export function textAt(object: KubeObject, path: string): string | undefined {
  let found: unknown = object;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  if (typeof found === 'string') return found;
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : undefined;
}
