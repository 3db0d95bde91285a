import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, openSync, closeSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.js';
import { sleep, withDeadline } from '../signals.js';

export interface RealApiOptions {
  /** Folder with the programs `etcd` and `kube-apiserver`, as in `KUBEBUILDER_ASSETS`. */
  readonly assets: string;
  /** Port of the API; a free one if left out. */
  readonly port?: number;
  /** Where its folder is made; if left out, in the system's folder for temporary files. */
  readonly parent?: string;
  /** Ends the start early. */
  readonly signal?: AbortSignal;
}

/** A control plane of etcd and kube-apiserver, with nothing in it. */
export interface RealApi {
  readonly url: string;
  /** YAML, with full rights. */
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
  /** Kills both processes and removes their folder. */
  close(): Promise<void>;
}

/** The control plane could not be started; the message has the program and the end of its log. */
export class RealApiError extends Error {
  override readonly name = 'RealApiError';
}

const START_DEADLINE_MS = 60_000;
const PROBE_DEADLINE_MS = 2000;
const POLL_MS = 50;
/** A free port may be taken before the program uses it, so the start is retried. */
const ATTEMPTS = 3;

/**
 * Ends the control plane when this process ends, even by a kill: its standard input is a pipe from here, which the kernel
 * closes. It reads the processes' IDs line by line, then kills them and removes the folder.
 */
const GUARD =
  'while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -9 $pids; rm -rf -- "$1"';

/** The program that is missing in that folder; undefined if none is. */
export function missingAssets(assets: string): string | undefined {
  for (const program of ['etcd', 'kube-apiserver']) {
    try {
      accessSync(join(assets, program), constants.X_OK);
    } catch {
      return `there is no program "${program}" in ${assets}`;
    }
  }
  return undefined;
}

/**
 * Starts etcd and kube-apiserver on free loopback ports, with their data in a temporary folder.
 *
 * @throws RealApiError, and leaves nothing behind
 */
export async function startRealApi(options: RealApiOptions): Promise<RealApi> {
  const missing = missingAssets(options.assets);
  if (missing !== undefined) throw new RealApiError(missing);
  const given = options.signal ?? new AbortController().signal;
  for (let attempt = 1; ; attempt += 1) {
    const folder = await mkdtemp(join(options.parent ?? tmpdir(), 'cloudjob-kube-'));
    const plane = new ControlPlane(options.assets, folder);
    try {
      return await withDeadline(systemClock, START_DEADLINE_MS, given, (signal) =>
        plane.start(options.port, signal),
      );
    } catch (error) {
      const portTaken = await plane.portWasTaken();
      await plane.close();
      if (!portTaken || options.port !== undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

class ControlPlane {
  readonly #assets: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  #guard: ChildProcess | undefined;

  constructor(assets: string, folder: string) {
    this.#assets = assets;
    this.#folder = folder;
  }

  async start(wantedPort: number | undefined, signal: AbortSignal): Promise<RealApi> {
    this.#startGuard();
    const [freePort = 0, etcdPort = 0, peerPort = 0] = await freePorts(3);
    const port = wantedPort ?? freePort;
    const token = randomBytes(16).toString('hex');
    await this.#writeKeys(token);

    const etcd = `http://127.0.0.1:${etcdPort}`;
    this.#run('etcd', this.#etcdFlags(etcd, `http://127.0.0.1:${peerPort}`));
    await this.#until('etcd', signal, () => answersHealthy(`${etcd}/health`, signal));

    const url = `https://127.0.0.1:${port}`;
    this.#run('kube-apiserver', this.#apiserverFlags(etcd, port));
    const certificate = join(this.#folder, 'certs', 'apiserver.crt');
    await this.#until('kube-apiserver', signal, () => isReady(`${url}/readyz`, certificate, token));

    const kubeconfig = kubeconfigText(url, await readFile(certificate), token);
    const kubeconfigPath = join(this.#folder, 'kubeconfig');
    await writeFile(kubeconfigPath, kubeconfig, { mode: 0o600 });
    return { url, kubeconfig, kubeconfigPath, close: () => this.close() };
  }

  async close(): Promise<void> {
    // The data is thrown away, so no process needs to finish its work.
    await Promise.all(this.#children.map(kill));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (this.#guard !== undefined) {
      // It does not keep this process alive, but the close waits for its end.
      this.#guard.ref();
      await kill(this.#guard);
    }
  }

  async portWasTaken(): Promise<boolean> {
    const logs = await Promise.all(['etcd', 'kube-apiserver'].map((program) => this.#lastWords(program)));
    return logs.some((log) => log.includes('address already in use'));
  }

  #startGuard(): void {
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', this.#folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    guard.on('error', () => undefined);
    guard.stdin.on('error', () => undefined);
    guard.unref();
    this.#guard = guard;
  }

  /** In a session of its own: a Ctrl-C in the terminal reaches only this process, which then ends the others in order. */
  #run(program: string, flags: readonly string[]): void {
    const log = openSync(this.#logPath(program), 'a', 0o600);
    const child = spawn(join(this.#assets, program), flags, {
      stdio: ['ignore', log, log],
      detached: true,
      cwd: this.#folder,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    closeSync(log);
    // Without a process ID it was never started, which counts as ended.
    child.on('error', () => undefined);
    this.#children.push(child);
    if (child.pid !== undefined) this.#guard?.stdin?.write(`${child.pid}\n`);
  }

  #etcdFlags(client: string, peer: string): string[] {
    return [
      '--name=sandbox',
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=sandbox=${peer}`,
      '--unsafe-no-fsync',
    ];
  }

  /** Only flags that exist since 1.20 and still do. */
  #apiserverFlags(etcd: string, port: number): string[] {
    return [
      `--etcd-servers=${etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(this.#folder, 'certs')}`,
      `--token-auth-file=${join(this.#folder, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(this.#folder, 'service-accounts.key')}`,
      `--service-account-signing-key-file=${join(this.#folder, 'service-accounts.key')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--endpoint-reconciler-type=none',
      '--disable-admission-plugins=ServiceAccount',
    ];
  }

  async #writeKeys(token: string): Promise<void> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
    await mkdir(join(this.#folder, 'certs'));
    await writeFile(join(this.#folder, 'service-accounts.key'), pem, { mode: 0o600 });
    await writeFile(join(this.#folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, {
      mode: 0o600,
    });
  }

  async #until(program: string, signal: AbortSignal, ready: () => Promise<boolean>): Promise<void> {
    while (!(await ready())) {
      const child = this.#children.at(-1);
      if (child === undefined || hasEnded(child)) {
        throw new RealApiError(`${program} ended while it started: ${await this.#lastWords(program)}`);
      }
      if (signal.aborted) {
        throw new RealApiError(`${program} was not ready in time: ${await this.#lastWords(program)}`);
      }
      await sleep(systemClock, POLL_MS, signal);
    }
  }

  #logPath(program: string): string {
    return join(this.#folder, `${program}.log`);
  }

  /** The end of the program's log, at most 2,000 bytes. */
  async #lastWords(program: string): Promise<string> {
    try {
      const file = await open(this.#logPath(program));
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2000), 0, 2000, Math.max(0, size - 2000));
      await file.close();
      return buffer.toString('utf8', 0, bytesRead).trim();
    } catch {
      return 'its log is empty';
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Different ports that are free at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

async function answersHealthy(url: string, parent: AbortSignal): Promise<boolean> {
  try {
    return await withDeadline(systemClock, PROBE_DEADLINE_MS, parent, async (signal) => {
      const response = await fetch(url, { signal });
      return (await response.text()).includes('true');
    });
  } catch {
    return false;
  }
}

/** Whether the API server answers. It makes its certificate itself, a moment after its start. */
async function isReady(url: string, certificate: string, token: string): Promise<boolean> {
  try {
    const ca = await readFile(certificate);
    return await new Promise<boolean>((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` };
      const request = get(url, { ca, headers, timeout: PROBE_DEADLINE_MS, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('timeout', () => void request.destroy(new Error('slow')));
      request.on('error', reject);
    });
  } catch {
    return false;
  }
}

function kubeconfigText(url: string, certificate: Buffer, token: string): string {
  return `apiVersion: v1
kind: Config
current-context: sandbox
clusters:
  - name: sandbox
    cluster: { server: "${url}", certificate-authority-data: ${certificate.toString('base64')} }
contexts:
  - name: sandbox
    context: { cluster: sandbox, user: admin }
users:
  - name: admin
    user: { token: ${token} }
`;
}
