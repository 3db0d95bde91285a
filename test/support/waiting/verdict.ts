import type { KubeObject } from '../kubeClient.js';

/** What a tool makes of an object: it goes on (`done`), gives up at once (`fails`), or goes on waiting. */
export type Verdict = 'done' | 'fails' | 'waits';

/** The status of the condition of that type, if the object has it. */
export function conditionStatus({ status }: KubeObject, type: string): string | undefined {
  return status?.conditions?.find((one) => one.type === type)?.status;
}
