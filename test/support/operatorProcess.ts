import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const STOP_DEADLINE_MS = 15_000;
/** The most log lines that are kept of one process. */
const MAX_LINES = 50_000;
const HEAP = 'heap in use: ';
/** Makes node collect all garbage at a signal, and print how many bytes are left, and when: no line comes twice. */
const TELL_HEAP = `process.on('SIGUSR2',()=>{gc();gc();console.error('${HEAP}'+process.memoryUsage().heapUsed+' at '+performance.now())})`;

export interface OperatorOptions {
  readonly configFile: string;
  readonly kubeconfigFile: string;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** Whether it waits for a Lease, in the namespace of the kubeconfig; as users run it if left out: it does. */
  readonly leaderElect?: boolean;
  /** Into how many shards the work is split; one if left out. */
  readonly shards?: number;
  /** `debug` if left out; it must log its port, so not above `info`. */
  readonly logLevel?: 'info' | 'debug';
  /** `json` if left out. */
  readonly logFormat?: 'json' | 'pretty';
  /** Whether `heapBytes` is going to be called; not if left out. */
  readonly tellsHeap?: boolean;
  /** Of Node; none if left out. */
  readonly nodeFlags?: readonly string[];
  /** Environment variables beside `PATH` and `NODE_ENV`. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The operator as users run it: a process of its own, given everything on its command line. */
export class OperatorProcess {
  readonly #lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;
  #exit: Exit | undefined;

  constructor({
    configFile,
    kubeconfigFile,
    namespaces,
    leaderElect = true,
    shards = 1,
    logLevel = 'debug',
    logFormat = 'json',
    tellsHeap = false,
    nodeFlags = [],
    env = {},
  }: OperatorOptions) {
    this.#child = spawn(
      process.execPath,
      [
        ...nodeFlags,
        ...(tellsHeap ? ['--expose-gc', '--import', `data:text/javascript,${TELL_HEAP}`] : []),
        MAIN,
        'run',
        '--config',
        configFile,
        '--kubeconfig',
        kubeconfigFile,
        ...namespaces.flatMap((namespace) => ['--namespace', namespace]),
        `--leader-elect=${leaderElect}`,
        `--shards=${shards}`,
        '--http-port',
        '0',
        '--log-format',
        logFormat,
        '--log-level',
        logLevel,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
      },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        this.#lines.push(...lines);
        this.#lines.splice(0, this.#lines.length - MAX_LINES);
      });
    }
    this.#exited = once(this.#child, 'close').then(([code, signal]: unknown[]) => {
      this.#exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.#exit;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Everything that it wrote, oldest first. */
  get log(): readonly string[] {
    return this.#lines;
  }

  /** Whether it says that its Lease went to somebody else, or could not be renewed in time. */
  get lostLease(): boolean {
    return this.#lines.some((line) => line.includes('"lease lost"'));
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Of its HTTP server, once it has logged it. */
  get port(): number | undefined {
    for (const line of this.#lines) {
      const port = /\bport"?[:=]\s*(\d+)/.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
    return undefined;
  }

  /** Waits until `/readyz` says so: the cache is synced. */
  async ready(): Promise<void> {
    await this.#until('ready', async () => (await this.http('/readyz')).status === 200);
  }

  /** Waits until it holds its Lease, or a part of those of all shards: now it works. */
  async working(): Promise<void> {
    await this.#until('at work', async () =>
      /^leader_election_master_status\{[^}]*\} 1$/m.test((await this.http('/metrics')).text),
    );
  }

  /** Waits until it answers on its HTTP port. */
  async listening(): Promise<void> {
    await this.#until('listening', () => Promise.resolve(true));
  }

  /** What its HTTP port says at that path. */
  async http(path: string): Promise<{ readonly status: number; readonly text: string }> {
    // A connection of its own: a kept one may be closed at the moment in which it is used again.
    const request = get({ host: '127.0.0.1', port: this.port, path, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, text: await text(response) };
  }

  /** Bytes that the process holds on to: its heap once all garbage is collected. */
  async heapBytes(): Promise<number> {
    const logged = (): string | undefined => this.#lines.findLast((line) => line.startsWith(HEAP));
    const before = logged();
    this.#child.kill('SIGUSR2');
    const line = await until('the size of the heap', () => logged() !== before && logged(), 60_000);
    return Number.parseInt(line.slice(HEAP.length), 10);
  }

  /** The most that it had resident so far, in bytes; 0 where the system does not say. */
  get peakBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  /** SIGTERM, as the kubelet sends it; SIGKILL when that does not end it in time. */
  async stop(): Promise<Exit> {
    if (this.#exit === undefined) this.#child.kill('SIGTERM');
    // One that is frozen hears nothing.
    this.#child.kill('SIGCONT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    const exit = await this.#exited;
    clearTimeout(timer);
    return exit;
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Nobody reads its log any more. */
  loseLog(): void {
    this.#child.stderr?.destroy();
  }

  /** Freezes it, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  get exited(): Promise<Exit> {
    return this.#exited;
  }

  logTail(lines = 30): string {
    return `the operator's log ends with:\n${this.#lines.slice(-lines).join('\n')}`;
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    await until(
      `the operator to be ${what}`,
      async () => {
        if (this.#exit !== undefined) {
          throw new Error(`the operator ended: ${JSON.stringify(this.#exit)}\n${this.logTail()}`);
        }
        return this.port !== undefined && (await holds());
      },
      60_000,
      () => this.logTail(),
    );
  }
}
