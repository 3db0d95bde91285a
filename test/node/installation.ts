import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import { codeBlocks, readGuide } from '../support/guide.js';
import { SANDBOX_ACCOUNTS, SANDBOX_PROJECT_ID } from '../../src/sandbox/cce/accounts.js';
import type { JobScript } from '../../src/sandbox/cce/script.js';
import { CONTROL_PLANE, FOLLOWED, inCluster, kubectl } from './nodes.js';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const CLOUD = fileURLToPath(new URL('cloud.mjs', import.meta.url));

/** What a user writes down: a kustomization over an overlay, with a CA of their own as docs/install.md says. */
export class Installation {
  readonly home = mkdtempSync(join(tmpdir(), 'cloudjob-nodes-'));
  #cloud: ChildProcess | undefined;

  /** With a cloud that all hosts of clouds lead to; it knows these jobs, which begin now. */
  static async withCloud(jobs: readonly JobScript[]): Promise<Installation> {
    const installation = new Installation();
    installation.#makeCertificates();
    const [program, ...args] = inCluster([process.execPath, CLOUD, installation.home, CONTROL_PLANE]);
    const cloud = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    installation.#cloud = cloud;
    cloud.stdin.end(JSON.stringify(jobs));
    await once(cloud.stdout, 'data');
    return installation;
  }

  /** Applies that overlay, as this API server can take it: it does not know policy/v1. */
  async apply(overlay: string, config = 'defaultRegion: eu-de\n'): Promise<void> {
    const recipe = load(
      codeBlocks(readGuide('install.md'), 'yaml').find((block) => block.includes('cloud-ca')) ?? '',
    ) as { readonly configMapGenerator: readonly object[]; readonly patches: readonly object[] };
    const kustomization = {
      resources: [join(relative(this.home, DEPLOY), 'overlays', overlay)],
      configMapGenerator: [
        ...recipe.configMapGenerator,
        {
          name: 'cloudjob-operator-config',
          namespace: 'cloudjob-system',
          behavior: 'replace',
          files: ['config.yaml'],
        },
      ],
      patches: recipe.patches,
    };
    writeFileSync(join(this.home, 'kustomization.yaml'), dump(kustomization));
    writeFileSync(join(this.home, 'config.yaml'), config);
    const yaml = await kubectl(['kustomize', this.home]);
    await kubectl(
      ['apply', '-f', '-'],
      yaml.replace('apiVersion: policy/v1\n', 'apiVersion: policy/v1beta1\n'),
    );
  }

  stop(): void {
    this.#cloud?.kill();
    rmSync(this.home, { recursive: true });
  }

  #makeCertificates(): void {
    writeFileSync(join(this.home, 'ext'), 'subjectAltName=DNS:*.eu-de.otc.t-systems.com\n');
    for (const command of [
      'req -x509 -newkey rsa:2048 -nodes -subj /CN=lab-ca -days 2 -keyout ca.key -out ca.crt',
      'req -newkey rsa:2048 -nodes -subj /CN=cce -keyout server.key -out server.csr',
      'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt',
    ]) {
      execFileSync('openssl', command.split(' '), { cwd: this.home, stdio: 'ignore' });
    }
  }
}

/** A job that runs when the cloud starts, and ends well after a few seconds. */
export function shortJob(id: string): JobScript {
  const frame = (at: number, phase: string) => ({ at, tree: { id, type: 'CreateCluster', phase } });
  return { projectID: SANDBOX_PROJECT_ID, frames: [frame(0, 'Running'), frame(5, 'Success')] };
}

/** Follows that job by AK/SK, and waits as people do; returns how it ended. */
export async function follow(id: string): Promise<string> {
  const keys = SANDBOX_ACCOUNTS.accessKeys[0];
  const secret = ['create', 'secret', 'generic', 'cce-credentials'];
  const literals = Object.entries(keys ?? {}).map(([key, value]) => `--from-literal=${key}=${value}`);
  await kubectl(['-n', FOLLOWED, ...secret, ...literals]);
  const spec = {
    jobID: id,
    projectID: SANDBOX_PROJECT_ID,
    region: 'eu-de',
    credentialsRef: { name: 'cce-credentials' },
  };
  const cloudJob = { apiVersion: 'cloudjob.dev/v1alpha1', kind: 'CloudJob', metadata: { name: id }, spec };
  await kubectl(['-n', FOLLOWED, 'apply', '-f', '-'], dump(cloudJob));
  await kubectl(['-n', FOLLOWED, 'wait', `cjob/${id}`, '--for=condition=Settled', '--timeout=60s']);
  return kubectl(['-n', FOLLOWED, 'get', 'cjob', id, '-o', 'jsonpath={.status.phase}']);
}
