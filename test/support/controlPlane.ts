import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { until } from './until.js';

/** Folder with a file NAME.pid for each process of the real control plane, where the tests may stop and start them. */
export const controlPlaneDir = process.env['CLOUDJOB_TEST_CONTROL_PLANE_DIR'];

/** How a process was started. */
interface Start {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The processes of a control plane on this machine (Linux), by the names of their pid files. */
export class ControlPlane {
  readonly #starts = new Map<string, Start>();

  constructor(private readonly dir: string) {}

  freeze(name: string): void {
    process.kill(this.#pid(name), 'SIGSTOP');
  }

  thaw(name: string): void {
    process.kill(this.#pid(name), 'SIGCONT');
  }

  /** Ends the process as a crash does. */
  async kill(name: string): Promise<void> {
    const pid = this.#pid(name);
    this.#starts.set(name, startOf(pid));
    process.kill(pid, 'SIGKILL');
    await until(`${name} to end`, () => !isAlive(pid));
  }

  /** Starts it again as it was, after `kill`; on another port when one is given. */
  start(name: string, port?: number): void {
    const start = this.#starts.get(name);
    if (start === undefined) throw new Error(`${name} was not killed`);
    const { program, env } = start;
    const args =
      port === undefined
        ? start.args
        : start.args.map((arg) => arg.replace(/^(--secure-port=).*/, `$1${port}`));
    const child = spawn(program, args, { env, detached: true, stdio: 'ignore' });
    child.unref();
    writeFileSync(join(this.dir, `${name}.pid`), `${child.pid}\n`);
  }

  /** Makes etcd forget all revisions before this one, as API servers let it do every five minutes. */
  async compact(revision: number): Promise<void> {
    const { args } = startOf(this.#pid('apiserver'));
    const servers = args.find((arg) => arg.startsWith('--etcd-servers='))?.split('=')[1];
    const response = await fetch(`${servers}/v3/kv/compaction`, {
      method: 'POST',
      body: JSON.stringify({ revision, physical: true }),
    });
    if (!response.ok) throw new Error(`etcd does not compact: ${await response.text()}`);
  }

  /** Copies etcd's data into that folder; etcd is down meanwhile. */
  async backUp(folder: string): Promise<void> {
    await this.kill('etcd');
    cpSync(this.#etcdData(), folder, { recursive: true });
    this.start('etcd');
  }

  /**
   * Puts the copy into the place of etcd's data, with everything stopped, as Kubernetes' documentation asks for. The
   * controller-manager is left to be started once the API server answers: without one it ends.
   */
  async restore(folder: string): Promise<void> {
    for (const name of ['controller-manager', 'crdserver', 'apiserver', 'etcd']) await this.kill(name);
    rmSync(this.#etcdData(), { recursive: true });
    cpSync(folder, this.#etcdData(), { recursive: true });
    for (const name of ['etcd', 'apiserver', 'crdserver']) this.start(name);
  }

  /** Of an etcd that was killed. */
  #etcdData(): string {
    const folder = this.#starts
      .get('etcd')
      ?.args.find((arg) => arg.startsWith('--data-dir='))
      ?.split('=')[1];
    if (folder === undefined) throw new Error('etcd was started without --data-dir');
    return folder;
  }

  #pid(name: string): number {
    return Number(readFileSync(join(this.dir, `${name}.pid`), 'utf8'));
  }
}

function startOf(pid: number): Start {
  const words = (file: string): string[] =>
    readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0').slice(0, -1);
  const [program = '', ...args] = words('cmdline');
  const env = Object.fromEntries(
    words('environ').map((word) => [word.replace(/=.*/s, ''), word.replace(/^[^=]*=/, '')]),
  );
  return { program, args, env };
}

/** Zombies that wait for their parent have ended. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
