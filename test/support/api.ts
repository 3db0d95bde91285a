import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startKubeApi } from '../../src/sandbox/kube-api/server.js';
import { realKubeconfig } from './skips.js';

/** A Kubernetes API for one suite. */
export interface Api {
  /** Admin access. */
  readonly kubeconfigFile: string;
  /** Whether it refuses what nobody granted. */
  readonly enforcesRbac: boolean;
  stop(): Promise<void>;
}

/** The real API server that the environment names, shared by all suites; else an embedded one of the suite's own. */
export async function startApi(home: string): Promise<Api> {
  if (realKubeconfig !== undefined) {
    return { kubeconfigFile: realKubeconfig, enforcesRbac: true, stop: async () => {} };
  }
  const api = await startKubeApi({ crds: [] });
  const kubeconfigFile = join(home, 'admin.kubeconfig');
  writeFileSync(kubeconfigFile, api.kubeconfig, { mode: 0o600 });
  return { kubeconfigFile, enforcesRbac: false, stop: () => api.close() };
}
