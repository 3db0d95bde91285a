import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '../support/until.js';
import { follow, Installation, shortJob } from './installation.js';
import {
  describeOnNodes,
  FOLLOWED,
  holder,
  kubectl,
  lease,
  msBetween,
  NAMESPACE,
  nextHolder,
  nodesFolder,
  onlyPod,
  podOf,
  pods,
  processOf,
  readOr,
  run,
  signal,
  uninstall,
} from './nodes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The commands of the guide that install the operator from one file and wait for it. */
function commandsOfTheGuide(): string {
  const guide = readFileSync(join(root, 'docs/install.md'), 'utf8');
  const lines = [/^ {4}(kubectl apply .*deploy\/install\.yaml)$/m, /^ {4}(kubectl .* rollout status .*)$/m];
  return lines.map((line) => line.exec(guide)?.[1]).join('\n');
}

async function warnings(): Promise<string> {
  return kubectl(['-n', NAMESPACE, 'get', 'events', '--field-selector=type=Warning', '-o', 'name']);
}

/** Milliseconds from the start of the container until the operator listened. */
async function listeningAfterMs(): Promise<number> {
  const { status } = await onlyPod();
  const [line = ''] = (await kubectl(['-n', NAMESPACE, 'logs', 'deploy/cloudjob-operator'])).split('\n');
  const { time, message } = JSON.parse(line) as { readonly time: string; readonly message: string };
  expect(message).toBe('http listening');
  return Date.parse(time) - Date.parse(status.containerStatuses?.[0].state.running?.startedAt ?? '');
}

/** The tests are the life of one installation, in this order. */
describeOnNodes('one replica on a node', () => {
  let installation: Installation;
  beforeAll(async () => {
    installation = await Installation.withCloud([shortJob('followed')]);
  });
  afterAll(async () => {
    installation.stop();
    await uninstall();
  });

  it('rolls out by the commands of the guide, without a warning', async () => {
    const script = `cd ${root}\n${commandsOfTheGuide()}`;
    const { code, stdout, stderr } = await run(['sh', '-eu', '-c', script]);

    expect(code === 0 ? '' : stderr).toBe('');
    expect(stdout).toContain('deployment "cloudjob-operator" successfully rolled out');
    // On a machine that is too busy to start it in five seconds the first probe comes too early.
    const isLate = (await listeningAfterMs()) > 4_000;
    expect(isLate ? '' : await warnings()).toBe('');
  });

  it('keeps to its security context', async () => {
    const pid = processOf(await onlyPod()) ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const memory = /^\d+:(?:memory)?:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
    const limit =
      readOr(`/sys/fs/cgroup/memory${memory}/memory.limit_in_bytes`) ||
      readOr(`/sys/fs/cgroup${memory}/memory.max`);

    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      expect(status).toContain(`Cap${set}:\t${'0'.repeat(16)}\n`);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).toMatch(/^\d+ \d+ \S+ \/\S* \/ ro,/m);
    expect(Number(limit)).toBe(384 * 1024 * 1024);
  });

  it('follows a job by AK/SK over DNS and TLS with a private CA, and tries no suffix of the cluster', async () => {
    await installation.apply('all-namespaces');
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deploy/cloudjob-operator', '--timeout=100s']);

    await kubectl(['create', 'namespace', FOLLOWED]);

    expect(await follow('followed')).toBe('Success');
    const questions = readFileSync(join(nodesFolder, 'dns.log'), 'utf8');
    expect(questions).toContain('cce.eu-de.otc.t-systems.com 1');
    expect(questions).not.toContain('cluster.local');
  });

  it('goes on when a config cannot be used, and the status of the new pod says why', async () => {
    const before = await onlyPod();
    await installation.apply('all-namespaces', 'polling: { minSeconds: -1 }\n');

    const said = await until(
      'a new pod that ended',
      async () => {
        const added = (await pods()).find(({ metadata }) => metadata.uid !== before.metadata.uid);
        const [status] = added?.status.containerStatuses ?? [];
        return status?.lastState.terminated ?? status?.state.terminated;
      },
      60_000,
    );
    const old = await podOf(before.metadata.name);
    expect(said).toMatchObject({ exitCode: 2, message: expect.stringContaining('polling.minSeconds') });
    expect(old?.status.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
    expect((await holder()).metadata.uid).toBe(before.metadata.uid);
    await installation.apply('all-namespaces');
    expect((await onlyPod()).metadata.uid).toBe(before.metadata.uid);
  });

  it('takes its own Lease back when its container was killed, before that has expired', async () => {
    const before = await lease();
    const pod = await holder();
    await signal(pod, 'SIGKILL');
    const after = await nextHolder(before, 16_000);

    expect((await holder()).metadata.uid).toBe(pod.metadata.uid);
    // Nobody else could have taken it before that.
    expect(msBetween(before, after)).toBeLessThan(15_000);
  });
});
