import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { dump } from 'js-yaml';
import { until } from '../support/until.js';
import { follow, Installation, shortJob } from './installation.js';
import {
  createToken,
  describeOnNodes,
  FOLLOWED,
  holder,
  isAccepted,
  kubectl,
  LABEL,
  lease,
  msBetween,
  NAMESPACE,
  nextHolder,
  podOf,
  pods,
  processOf,
  run,
  signal,
  TOKEN_FOLDER,
  tokenOf,
  uninstall,
  watchLease,
  type Pod,
} from './nodes.js';

const DEPLOYMENT = 'deploy/cloudjob-operator';

async function rollOut(): Promise<void> {
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', DEPLOYMENT, '--timeout=100s']);
}

interface PodSpec {
  readonly volumes: readonly object[];
  readonly containers: readonly [{ readonly volumeMounts: readonly object[] }];
}

interface Mount {
  readonly volume: object;
  readonly volumeMount: object;
}

/** Starts a pod of the Deployment's own template that runs once, with a Lease of its own. @param mount a volume more */
async function startOnce(name: string, more: object = {}, mount?: Mount): Promise<Pod> {
  const template = ['-n', NAMESPACE, 'get', DEPLOYMENT, '-o', 'jsonpath={.spec.template.spec}'];
  const spec = JSON.parse(await kubectl(template)) as PodSpec;
  const [container] = spec.containers;
  const volumes = [...spec.volumes, ...(mount === undefined ? [] : [mount.volume])];
  const volumeMounts = [...container.volumeMounts, ...(mount === undefined ? [] : [mount.volumeMount])];
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      ...spec,
      volumes,
      containers: [{ ...container, volumeMounts, args: ['run', '--namespace=default'] }],
      restartPolicy: 'Never',
      affinity: {},
      ...more,
    },
  };
  return JSON.parse(await kubectl(['create', '-o', 'json', '-f', '-'], dump(pod))) as Pod;
}

/** How the pod's container ended. Whoever loses the signal runs on. */
async function exitCodeOf({ metadata: { name } }: Pod): Promise<number> {
  const code = async () =>
    (await podOf(name))?.status.containerStatuses?.[0].state.terminated?.exitCode.toString();
  return Number(await until(`${name} to end`, code, 60_000));
}

/** The tests are the life of one installation, in this order. */
describeOnNodes('two replicas on two nodes', () => {
  let installation: Installation;
  let frozen: Pod;
  beforeAll(async () => {
    installation = await Installation.withCloud([shortJob('narrow')]);
    await installation.apply('high-availability');
    await rollOut();
    await holder();
  });
  afterAll(async () => {
    installation.stop();
    await uninstall();
  });

  it('hand the Lease over within three seconds in a rolling update', async () => {
    const watch = await watchLease();
    await kubectl(['-n', NAMESPACE, 'rollout', 'restart', DEPLOYMENT]);
    await rollOut();
    const versions = await watch.stop();
    const gaps = versions.flatMap((after, index) => {
      const before = versions[index - 1];
      const isTaken = after.holderIdentity !== '' && after.holderIdentity !== before?.holderIdentity;
      return before !== undefined && isTaken ? [msBetween(before, after)] : [];
    });

    expect(gaps.length).toBeGreaterThan(0);
    expect(Math.max(...gaps)).toBeLessThan(3_000);
  });

  it('lose one to a drain, while the disruption budget keeps the other', async () => {
    const drained = await holder();
    const other = (await pods()).find(({ metadata }) => metadata.uid !== drained.metadata.uid);
    const drain = ['drain', '--ignore-daemonsets'];
    try {
      await kubectl([...drain, '--timeout=60s', drained.spec.nodeName ?? '']);
      // The pod in its place finds no node.
      const second = await run(['kubectl', ...drain, '--timeout=10s', other?.spec.nodeName ?? '']);

      expect(second.stderr).toContain("would violate the pod's disruption budget");
      expect((await holder()).metadata.uid).toBe(other?.metadata.uid);
    } finally {
      await kubectl(['uncordon', 'node-1', 'node-2']);
    }
    await rollOut();
  });

  it('go on without the one that freezes, when its Lease has expired', async () => {
    const before = await lease();
    frozen = await holder();
    await signal(frozen, 'SIGSTOP');
    await nextHolder(before, 30_000);

    expect((await holder()).metadata.uid).not.toBe(frozen.metadata.uid);
  });

  it('end whenever SIGTERM comes, up to two seconds after their start', async () => {
    const ends = [0, 50, 200, 500, 1_000, 2_000].map(async (delay) => {
      const pod = await startOnce(`stopped-after-${delay}`);
      let since: number | undefined;
      await signal(pod, 'SIGTERM', () => performance.now() - (since ??= performance.now()) >= delay);
      return exitCodeOf(pod);
    });

    // 143: Node was not up yet, and nothing had begun.
    for (const code of await Promise.all(ends)) expect([0, 143]).toContain(code);
  });

  it('end in order as the first process of a container, too', async () => {
    const pod = await startOnce('first-process', { shareProcessNamespace: false });
    const logs = ['kubectl', '-n', NAMESPACE, 'logs', pod.metadata.name];
    await until('it to listen', async () => (await run(logs)).stdout.includes('http listening'), 60_000);
    await signal(pod, 'SIGTERM');

    expect(await exitCodeOf(pod)).toBe(0);
  });

  it('go on with a rotated token when the one before is no longer taken', async () => {
    const before = await createToken('before');
    const after = await createToken('after');
    const caOfCluster = 'jsonpath={.clusters[0].cluster.certificate-authority-data}';
    const ca = await kubectl(['config', 'view', '--raw', '-o', caOfCluster]);
    const put = async (token: string): Promise<void> => {
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'rotated', namespace: NAMESPACE },
        data: { 'ca.crt': ca },
        stringData: { namespace: NAMESPACE, token },
      };
      await kubectl(['apply', '-f', '-'], dump(secret));
    };
    await put(before);
    const pod = await startOnce(
      'rotated',
      { automountServiceAccountToken: false },
      {
        volume: { name: 'token', secret: { secretName: 'rotated' } },
        volumeMount: { name: 'token', mountPath: TOKEN_FOLDER },
      },
    );
    const isRenewed = async (since: number): Promise<boolean> => {
      const { holderIdentity, renewTime } = await lease('cloudjob-operator.default');
      return holderIdentity.startsWith('rotated_') && Date.parse(renewTime) > since;
    };
    const pid = await until('its process', () => processOf(pod), 60_000);
    await until('it to hold its Lease', () => isRenewed(0), 60_000);

    await put(after);
    // The kubelet brings it at once when the pod changes, otherwise within a minute.
    await kubectl(['-n', NAMESPACE, 'annotate', 'pod', 'rotated', 'token=rotated']);
    await until('the kubelet to bring the new token', () => tokenOf(pid) === after, 120_000);
    await kubectl(['-n', NAMESPACE, 'delete', 'secret', 'before']);
    await until('the API server to refuse the old one', async () => !(await isAccepted(before)), 60_000);
    const since = Date.now();
    await until('it to renew its Lease', () => isRenewed(since), 60_000);

    expect(processOf(pod)).toBe(pid);
    expect(await kubectl(['-n', NAMESPACE, 'logs', 'rotated'])).not.toContain('Unauthorized');
    await kubectl(['-n', NAMESPACE, 'delete', 'pod', 'rotated']);
  });

  it('are two again when the liveness probe has ended the frozen one', async () => {
    const restarts = async () =>
      (await podOf(frozen.metadata.name))?.status.containerStatuses?.[0].restartCount;
    await until('the frozen container to be restarted', async () => ((await restarts()) ?? 0) > 0, 150_000);
    await rollOut();
  });

  it('follow a job of one namespace, with no rights in others', async () => {
    await kubectl(['delete', 'clusterrolebindings', '-l', LABEL]);
    await kubectl(['create', 'namespace', FOLLOWED]);
    await installation.apply('one-namespace');
    await rollOut();

    expect(await follow('narrow')).toBe('Success');
  });
});
