import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRealApi, type RealApi } from '../../src/sandbox/realApi.js';
import { startChild, type Child } from './child.js';
import type { Figure } from './figure.js';
import { startOperator, type Operator } from './operator.js';
import { until } from './wait.js';

/** Starts and stops a control plane for tests, where it lies beside the checkout. */
const KUBE = '../shared/kube';
const LEADING_MS = 60_000;

/** A row of the table: what is measured together. */
export interface Row {
  readonly name: string;
  /** Whether the gate has it. */
  readonly gate?: boolean;
  /** Whether it writes to the Kubernetes API of `Bench.kubeconfig`. */
  readonly writes?: boolean;
  readonly run: (bench: Bench) => Promise<readonly Figure[] | Skipped>;
}

/** A row that this machine cannot measure. */
export interface Skipped {
  /** Why. */
  readonly skipped: string;
}

/** The world that the rows are measured in; each part is started when first asked for. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'cloudjob-bench-'));
  readonly #children = new Map<string, Child>();
  #operators: Operator[] = [];
  #api: RealApi | undefined;
  /** Of the control plane that `KUBE` has started. */
  #kubeconfig: string | undefined;
  #stopKube: (() => void) | undefined;

  /**
   * @param quick fewer objects and runs
   * @param embedded no real control plane, even if there is one
   */
  constructor(
    readonly quick: boolean,
    private readonly embedded = false,
  ) {}

  /** Reports to the person who waits. */
  progress(what: string): void {
    process.stderr.write(`  ${what}\n`);
  }

  /** The simulated CCE. */
  get cloud(): Child {
    return this.#child('./cloudProcess.js');
  }

  /** A Kubernetes API that only lists. */
  get shelf(): Child {
    return this.#child('./shelfProcess.js');
  }

  /** Of a real control plane where there is one, else of the embedded API. */
  async kubeconfig(): Promise<string> {
    const { CLOUDJOB_TEST_KUBECONFIG: named, KUBEBUILDER_ASSETS: assets } = process.env;
    if (!this.isReal) {
      const file = join(this.folder, 'embedded.kubeconfig');
      writeFileSync(file, await this.#child('./apiProcess.js').call<string>('kubeconfig'), { mode: 0o600 });
      return file;
    }
    if (named) return named;
    if (assets) {
      this.#api ??= await startRealApi({ assets, parent: this.folder });
      return this.#api.kubeconfigPath;
    }
    this.#kubeconfig ??= this.#startKube();
    return this.#kubeconfig;
  }

  /** Whether statuses are written to etcd and kube-apiserver: named in the environment, or beside the checkout. */
  get isReal(): boolean {
    const { CLOUDJOB_TEST_KUBECONFIG: named, KUBEBUILDER_ASSETS: assets } = process.env;
    return !this.embedded && Boolean(named || assets || existsSync(join(KUBE, 'start.sh')));
  }

  /** What kind of Kubernetes API `kubeconfig` leads to. */
  get api(): string {
    return this.isReal ? 'etcd and kube-apiserver' : 'the embedded Kubernetes API';
  }

  /** Starts the operator in place of the one before, and waits until it holds the Lease. */
  async operator(
    kubeconfigFile: string,
    config: object = {},
    nodeFlags?: readonly string[],
  ): Promise<Operator> {
    await this.stopOperator();
    const operator = await this.replica(kubeconfigFile, config, [], nodeFlags);
    await until('the Lease', 20, LEADING_MS, () => operator.metric('leader_election_master_status'));
    return operator;
  }

  /** Starts one more operator beside those that run. */
  async replica(
    kubeconfigFile: string,
    config: object,
    flags: readonly string[] = [],
    nodeFlags?: readonly string[],
  ): Promise<Operator> {
    const cloudURL = await this.cloud.call<string>('url');
    const place = { folder: this.folder, kubeconfigFile, cloudURL };
    const operator = await startOperator({ ...place, config, flags, nodeFlags });
    this.#operators.push(operator);
    return operator;
  }

  /** Stops all that run. */
  async stopOperator(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()));
    this.#operators = [];
  }

  /** A kubeconfig for an API without credentials. */
  async plainKubeconfig(url: string): Promise<string> {
    const file = join(this.folder, 'plain.kubeconfig');
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'bench',
        clusters: [{ name: 'bench', cluster: { server: url } }],
        users: [{ name: 'bench', user: {} }],
        contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
      }),
    );
    return file;
  }

  async close(): Promise<void> {
    await this.stopOperator();
    for (const child of this.#children.values()) await child.stop();
    await this.#api?.close();
    this.#stopKube?.();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #startKube(): string {
    const data = join(this.folder, 'kube');
    const stop = (): void => {
      process.off('exit', stop);
      execFileSync('bash', [join(KUBE, 'stop.sh'), data], { stdio: 'ignore' });
    };
    process.once('exit', stop);
    this.#stopKube = stop;
    const output = execFileSync('bash', [join(KUBE, 'start.sh'), data], { encoding: 'utf8' });
    return output.trim().split('\n').at(-1) ?? '';
  }

  #child(module: string): Child {
    const child = this.#children.get(module) ?? startChild(module);
    this.#children.set(module, child);
    return child;
  }
}
