import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { dump } from 'js-yaml';
import { describeWhen } from '../support/skips.js';
import { until } from '../support/until.js';

/** Folder of a cluster with real nodes, which `npm test` starts where there is an `image.tar` in it. */
export const nodesFolder = process.env['CLOUDJOB_TEST_NODES'] ?? '';
/** The address of the control plane, and of all clouds' hosts. */
export const CONTROL_PLANE = '10.77.0.1';
export const NAMESPACE = 'cloudjob-system';
/** The namespace whose CloudJobs the overlay one-namespace follows. */
export const FOLLOWED = 'infra';
export const LABEL = 'app.kubernetes.io/name=cloudjob-operator';

const NETWORK = `/run/netns/${process.env['CJ_NS'] ?? 'cj'}`;
const COMMAND_MS = 120_000;

/** A suite that needs real nodes. */
export const describeOnNodes = describeWhen(
  nodesFolder !== '',
  'CLOUDJOB_TEST_NODES names no folder with an image.tar; .ci/run makes one as root, where ../shared/node is',
);

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The beginning of a command line that runs in the network of the control plane, with the admin's kubeconfig. */
export function inCluster(command: readonly string[]): [string, ...string[]] {
  const kubeconfig = `KUBECONFIG=${nodesFolder}/cp/kubeconfig`;
  return ['nsenter', `--net=${NETWORK}`, 'env', kubeconfig, ...command];
}

/** Runs a command there. */
export async function run(command: readonly string[], input = ''): Promise<Ran> {
  const [program, ...args] = inCluster(command);
  const child = spawn(program, args, { timeout: COMMAND_MS, killSignal: 'SIGKILL' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** Runs kubectl, which must succeed, and returns what it prints. */
export async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(['kubectl', ...args], input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

export interface ContainerStatus {
  readonly containerID?: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
}

interface ContainerState {
  readonly running?: { readonly startedAt: string };
  readonly terminated?: { readonly exitCode: number; readonly message?: string };
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string; readonly containerStatuses?: readonly [ContainerStatus] };
}

/** The pods of the operator's Deployment. */
export async function pods(): Promise<readonly Pod[]> {
  const list = await kubectl(['-n', NAMESPACE, 'get', 'pods', '-l', LABEL, '-o', 'json']);
  return (JSON.parse(list) as { readonly items: readonly Pod[] }).items;
}

/** The pod of that name; undefined: there is none. */
export async function podOf(name: string): Promise<Pod | undefined> {
  const json = await kubectl(['-n', NAMESPACE, 'get', 'pod', name, '--ignore-not-found', '-o', 'json']);
  return json === '' ? undefined : (JSON.parse(json) as Pod);
}

/** The one pod that is there when others have gone. */
export async function onlyPod(): Promise<Pod> {
  return until(
    'one pod alone',
    async () => {
      const all = await pods();
      return all.length === 1 && all[0];
    },
    60_000,
  );
}

export interface Lease {
  readonly holderIdentity: string;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

export async function lease(name = 'cloudjob-operator'): Promise<Lease> {
  const { stdout } = await run(['kubectl', '-n', NAMESPACE, 'get', 'lease', name, '-o', 'json']);
  const none: Lease = { holderIdentity: '', acquireTime: '', renewTime: '', leaseTransitions: -1 };
  return stdout === '' ? none : (JSON.parse(stdout) as { readonly spec: Lease }).spec;
}

/** Waits for another holder of the Lease. */
export async function nextHolder(before: Lease, deadlineMs: number): Promise<Lease> {
  return until(
    'another holder of the Lease',
    async () => {
      const now = await lease();
      return now.holderIdentity !== '' && now.holderIdentity !== before.holderIdentity && now;
    },
    deadlineMs,
    () => JSON.stringify(before),
  );
}

/** Milliseconds from the last sign of one holder to the first of the next, by their clocks, which are one here. */
export function msBetween(before: Lease, after: Lease): number {
  return Date.parse(after.acquireTime) - Date.parse(before.renewTime);
}

/** The pod that holds the Lease; its name is the beginning of the holder's identity. */
export async function holder(): Promise<Pod> {
  return until(
    'a pod that holds the Lease',
    async () => {
      const [name = ''] = (await lease()).holderIdentity.split('_');
      return podOf(name);
    },
    60_000,
  );
}

/** The operator's process in the pod, as this machine numbers it; undefined: it has none. */
export function processOf({ metadata }: Pod): number | undefined {
  return numbers('/proc').find((pid) => {
    const isInPod = readOr(`/proc/${pid}/cgroup`).includes(metadata.uid);
    return isInPod && readOr(`/proc/${pid}/cmdline`).includes('/app/dist/main.js');
  });
}

export function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Where a pod finds its service-account token. */
export const TOKEN_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The token that the process finds there now. */
export function tokenOf(pid: number): string {
  return readOr(`/proc/${pid}/root${TOKEN_FOLDER}/token`);
}

/** A token of the operator's service account that ends with a Secret of that name. */
export async function createToken(secret: string): Promise<string> {
  await kubectl(['-n', NAMESPACE, 'create', 'secret', 'generic', secret]);
  const bound = ['--bound-object-kind=Secret', `--bound-object-name=${secret}`];
  return (await kubectl(['-n', NAMESPACE, 'create', 'token', 'cloudjob-operator', ...bound])).trim();
}

/** Whether the API server takes the token. */
export async function isAccepted(token: string): Promise<boolean> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
  const taken = ['create', '-o', 'jsonpath={.status.authenticated}', '-f', '-'];
  return (await kubectl(taken, dump(review))) === 'true';
}

function numbers(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Boolean);
}

/** Sends the operator's process in the pod a signal as soon as there is one, and `isRipe` says so. */
export async function signal(
  pod: Pod,
  name: NodeJS.Signals,
  isRipe: (pid: number) => boolean = () => true,
): Promise<void> {
  const pid = await until(
    `the process of ${pod.metadata.name}`,
    () => {
      const found = processOf(pod);
      return found !== undefined && isRipe(found) && found;
    },
    60_000,
  );
  process.kill(pid, name);
}

/** Every version of the Lease from now on, until `stop` is called. */
export async function watchLease(): Promise<{ stop(): Promise<readonly Lease[]> }> {
  const [program, ...args] = inCluster(['kubectl', '-n', NAMESPACE, 'get', 'lease', 'cloudjob-operator']);
  const child = spawn(program, [...args, '--watch', '-o', 'jsonpath={.spec}{"\\n"}']);
  const output = text(child.stdout);
  await once(child.stdout, 'readable');
  return {
    async stop() {
      child.kill();
      const lines = (await output).trim().split('\n');
      return lines.map((line) => JSON.parse(line) as Lease);
    },
  };
}

/** Takes away the operator, its rights, and what it followed; the CRD stays. */
export async function uninstall(): Promise<void> {
  await kubectl(['delete', 'clusterrolebindings,clusterroles', '-l', LABEL]);
  await kubectl(['delete', 'namespace', NAMESPACE, FOLLOWED, '--ignore-not-found', '--timeout=100s']);
}
