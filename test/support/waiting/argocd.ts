import * as z from 'zod';
import type { KubeObject } from '../kubeClient.js';
import { runLua } from '../lua.js';
import type { Verdict } from './verdict.js';

const healthSchema = z.strictObject({
  status: z.enum(['Healthy', 'Progressing', 'Degraded', 'Suspended', 'Missing', 'Unknown']),
  message: z.string(),
});
export type Health = z.output<typeof healthSchema>;

/** What a health.lua says of an object. */
export async function argocdHealth(script: string, object: unknown): Promise<Health> {
  return healthSchema.parse(await runLua(script, object));
}

/** What a sync does then (gitops-engine pkg/sync/sync_context.go): only Healthy goes on, only Degraded gives up. */
export async function argocdVerdict(script: string, object: KubeObject): Promise<Verdict> {
  const { status } = await argocdHealth(script, object);
  if (status === 'Healthy') return 'done';
  return status === 'Degraded' ? 'fails' : 'waits';
}
