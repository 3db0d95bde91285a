import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/clock.js';
import { loadClusterAccess } from '../../../src/kube/access/kubeconfig.js';
import { CLOUD_JOBS } from '../../../src/api/cloudjob.js';
import { Cluster } from '../../../src/sandbox/cluster.js';
import { runSandbox } from '../../../src/sandbox/sandbox.js';
import type { SandboxDeps, SandboxOperatorOptions } from '../../../src/sandbox/sandbox.js';
import { sleep } from '../../../src/signals.js';

interface WireJob {
  readonly spec: { readonly type: string };
  readonly status: { readonly phase: string };
}

/** What a run did: its output, and what the operator was started with. */
class Run {
  stdout = '';
  stderr = '';
  readonly interrupt = new AbortController();
  operator: SandboxOperatorOptions | undefined;
  operatorStopped = false;

  async start(argv: readonly string[], runOperator: SandboxDeps['runOperator']): Promise<number> {
    return runSandbox(argv, {
      runOperator: async (options, signal) => {
        this.operator = options;
        await runOperator(options, signal);
        this.operatorStopped = true;
      },
      stdout: { write: (text) => (this.stdout += text) },
      stderr: { write: (text) => (this.stderr += text) },
      env: {},
      signal: this.interrupt.signal,
    });
  }

  /** Whether anything is left of it. */
  get leftovers(): boolean {
    return this.operator === undefined || existsSync(dirname(this.operator.kubeconfig));
  }
}

/** An operator of a few lines: polls every job and writes its phase, until it is stopped. */
async function tinyOperator(
  { kubeconfig, config }: SandboxOperatorOptions,
  signal: AbortSignal,
): Promise<void> {
  const cluster = new Cluster(await loadClusterAccess(kubeconfig, systemClock), systemClock);
  const { cce } = (config['regions'] as Record<string, { cce: string }>)['lab']!;
  while (!signal.aborted) {
    const { items } = await cluster.client.list(CLOUD_JOBS, {}, AbortSignal.timeout(5000));
    for (const { metadata, spec } of items) {
      const { jobID, projectID } = spec as { jobID: string; projectID: string };
      const answer = await fetch(`${cce}/api/v3/projects/${projectID}/jobs/${jobID}`, {
        headers: { 'X-Auth-Token': 'sandbox-token' },
      });
      const body = (await answer.json()) as WireJob;
      const status = answer.ok ? { type: body.spec.type, phase: body.status.phase } : notFound;
      const ref = { namespace: metadata.namespace ?? '', name: metadata.name };
      const applied = { apiVersion: 'cloudjob.dev/v1alpha1', kind: 'CloudJob', metadata: ref, status };
      await cluster.client.applyStatus(CLOUD_JOBS, ref, applied, 'test', AbortSignal.timeout(5000));
    }
    await sleep(systemClock, 50, signal);
  }
  cluster.close();
}

const notFound = {
  conditions: [
    {
      type: 'Ready',
      status: 'Unknown',
      reason: 'JobNotFound',
      message: 'the cloud does not know it',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
};

function untilAborted(_: SandboxOperatorOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

describe('the demo', () => {
  it('shows a row for each change, explains the failure, and leaves nothing behind', async () => {
    const run = new Run();

    const code = await run.start(['--demo', '--speed', '20'], tinyOperator);

    expect(run.stderr).toBe('');
    expect(code).toBe(0);
    expect(run.stdout).toMatch(/^NAME +TYPE +PHASE +PROGRESS +READY +REASON +AGE$/m);
    expect(run.stdout).toMatch(/^create-cluster +CreateCluster +Success /m);
    expect(run.stdout).toMatch(/^scale-up +ScaleupCluster +Success /m);
    expect(run.stdout).toMatch(/^add-gpu-node +ScaleupCluster +Failed /m);
    expect(run.stdout).toMatch(/^lost-job +Unknown +JobNotFound /m);
    expect(run.stdout).toContain('What the operator wrote about add-gpu-node:');
    expect(run.stdout).not.toContain('\u001B');
    expect(run.operator).toMatchObject({ namespaces: [], httpPort: 0, logLevel: 'error' });
    expect(run.operatorStopped).toBe(true);
    expect(run.leftovers).toBe(false);
  });

  it('ends at once with Ctrl-C, tidily', async () => {
    const run = new Run();

    const code = await run.start(['--demo'], async (options, signal) => {
      run.interrupt.abort();
      await untilAborted(options, signal);
    });

    expect(code).toBe(130);
    expect(run.leftovers).toBe(false);
  });

  it('says so when the operator ends by itself', async () => {
    const run = new Run();

    const code = await run.start(['--demo'], async () => {
      throw new Error('no such flag');
    });

    expect(code).toBe(1);
    expect(run.stderr).toBe('sandbox: the operator ended by itself: no such flag\n');
    expect(run.leftovers).toBe(false);
  });
});

describe('the sandbox', () => {
  it('shows how to use it and stays until it is stopped', async () => {
    const run = new Run();
    const going = run.start([], untilAborted);
    while (!run.stdout.includes('/_sandbox/counters')) await sleep(systemClock, 20, run.interrupt.signal);

    expect(run.stdout).toContain(`export KUBECONFIG=${run.operator?.kubeconfig}`);
    expect(run.stdout).toContain('kind: CloudJob');
    run.interrupt.abort();

    expect(await going).toBe(0);
    expect(run.leftovers).toBe(false);
  });

  it.each([
    [['--kubeconfig', '/no/such/file'], '--kubeconfig: there is no file "/no/such/file"'],
    [['--speed', 'fast'], '--speed: "fast" is not allowed'],
  ])('refuses %j with exit code 2', async (argv, problem) => {
    const run = new Run();

    expect(await run.start(argv, untilAborted)).toBe(2);

    expect(run.stderr).toContain(problem);
    expect(run.operator).toBeUndefined();
  });

  it('explains itself', async () => {
    const run = new Run();

    expect(await run.start(['--help'], untilAborted)).toBe(0);

    expect(run.stdout).toContain('Usage: cloudjob-operator sandbox');
  });
});
