import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { loadClusterAccess } from '../../../src/kube/access/kubeconfig.js';
import { Cluster } from '../../../src/sandbox/cluster.js';
import { startRealApi } from '../../../src/sandbox/realApi.js';
import { describeWhen } from '../../support/skips.js';

const assets = process.env['KUBEBUILDER_ASSETS'] ?? '';
const signal = new AbortController().signal;

/** Processes whose command line names the folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
      } catch {
        return false;
      }
    });
}

describeWhen(
  assets !== '' && existsSync('/proc/self'),
  'KUBEBUILDER_ASSETS is not set, or there is no /proc',
)('a real control plane out of KUBEBUILDER_ASSETS', () => {
  it('takes the CRD, serves CloudJobs, and leaves neither process nor file', async () => {
    const api = await startRealApi({ assets });
    const folder = dirname(api.kubeconfigPath);
    const cluster = new Cluster(await loadClusterAccess(api.kubeconfigPath, systemClock), systemClock);

    await cluster.installCrd(signal);
    await cluster.prepareNamespace(signal);
    const running = processesIn(folder);
    const problems = await cluster.cleanUp(signal);
    cluster.close();
    await api.close();

    expect(running).toHaveLength(3);
    expect(problems).toEqual([]);
    expect(processesIn(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  }, 90_000);
});

describe('programs that are no control plane', () => {
  let folder: string;
  let parent: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloudjob-assets-'));
    parent = mkdtempSync(join(tmpdir(), 'cloudjob-parent-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
    rmSync(parent, { recursive: true });
  });

  function program(name: string, script: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  function leftovers(): string[] {
    return readdirSync(parent);
  }

  it('are missed by name', async () => {
    program('etcd', 'exit 0');

    await expect(startRealApi({ assets: folder, parent })).rejects.toThrow(
      `there is no program "kube-apiserver" in ${folder}`,
    );
  });

  it('are quoted when they end, and leave nothing', async () => {
    program('etcd', 'echo "no space left"; exit 3');
    program('kube-apiserver', 'exit 0');

    await expect(startRealApi({ assets: folder, parent })).rejects.toThrow(
      'etcd ended while it started: no space left',
    );

    expect(leftovers()).toEqual([]);
  });

  it('are killed when the start is given up', async () => {
    program('etcd', 'echo waiting; exec sleep 600');
    program('kube-apiserver', 'exit 0');
    const giveUp = new AbortController();
    giveUp.abort();

    await expect(startRealApi({ assets: folder, parent, signal: giveUp.signal })).rejects.toThrow(
      'etcd was not ready in time',
    );

    expect(leftovers()).toEqual([]);
  });
});
