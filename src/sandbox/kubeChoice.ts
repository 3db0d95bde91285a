import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cloudJobCrd } from '../api/crd.js';
import { UsageError } from '../commandLine.js';
import { startKubeApi } from './kube-api/server.js';
import type { SandboxOptions } from './options.js';
import { missingAssets, startRealApi } from './realApi.js';

/** The Kubernetes API of the sandbox. */
export interface ChosenKube {
  /** Its description for people. */
  readonly what: string;
  readonly kubeconfigPath: string;
  /** Somebody's own cluster: created objects must be deleted again. */
  readonly borrowed: boolean;
  close(): Promise<void>;
}

/**
 * The cluster that the user names; else a real control plane from `assets` (`KUBEBUILDER_ASSETS`); else an embedded
 * API. Files go into `folder`.
 *
 * @throws UsageError, RealApiError
 */
export async function chooseKube(
  options: SandboxOptions,
  assets: string | undefined,
  folder: string,
  signal: AbortSignal,
): Promise<ChosenKube> {
  const port = options.kubePort === undefined ? {} : { port: options.kubePort };
  if (options.kubeconfig !== undefined) {
    if (!existsSync(options.kubeconfig)) {
      throw new UsageError(`--kubeconfig: there is no file "${options.kubeconfig}"`);
    }
    return {
      what: `the cluster of ${options.kubeconfig}`,
      kubeconfigPath: options.kubeconfig,
      borrowed: true,
      close: async () => {},
    };
  }
  if (assets !== undefined && assets !== '') {
    const missing = missingAssets(assets);
    if (missing !== undefined) throw new UsageError(`KUBEBUILDER_ASSETS: ${missing}`);
    const api = await startRealApi({ assets, parent: folder, signal, ...port });
    return {
      what: `etcd and kube-apiserver of ${assets}`,
      kubeconfigPath: api.kubeconfigPath,
      borrowed: false,
      close: () => api.close(),
    };
  }
  const api = await startKubeApi({ crds: [cloudJobCrd()], ...port });
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeFile(kubeconfigPath, api.kubeconfig, { mode: 0o600 });
  return { what: 'an embedded API', kubeconfigPath, borrowed: false, close: () => api.close() };
}
