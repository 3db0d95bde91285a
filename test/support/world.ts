import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import * as z from 'zod';
import { startApi, type Api } from './api.js';
import { kubeObjectSchema, KubeClient, type KubeAnswer, type KubeObject, type Status } from './kubeClient.js';
import { runHelm } from './helm.js';
import { installRights, OPERATOR_NAMESPACE } from './install.js';
import { explain, runKubectl, runShell } from './kubectl.js';
import type { ToolResult } from './tools.js';
import { OperatorProcess, type Exit, type OperatorOptions } from './operatorProcess.js';
import { Recorder } from './recorder.js';
import { PROJECT, ScriptedCloud, TOKEN_MARK } from './scriptedCloud.js';
import { TcpProxy } from './tcpProxy.js';
import { until } from './until.js';
import { Upstream } from './upstream.js';

const CRD_FILE = fileURLToPath(new URL('../../crds/cloudjob.dev_cloudjobs.yaml', import.meta.url));
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CLOUDJOBS = '/apis/cloudjob.dev/v1alpha1';
const eventsSchema = z.object({
  items: z.array(
    z.object({
      regarding: z.object({ name: z.string() }),
      reason: z.string(),
      eventTime: z.string(),
      series: z.object({ count: z.number() }).nullish(),
    }),
  ),
});
export const SECRET = 'cce-credentials';

/** A version that the recorder has not seen by then was overtaken by a newer one while its watch was down. */
const RECORDER_LAG_MS = 10_000;
/** More than any suite has namespaces. */
const REGIONS = Array.from({ length: 100 }, (_, index) => `lab-${index}`);

/** One CloudJob of one namespace. */
export interface Ref {
  readonly namespace: string;
  readonly name: string;
}

export interface Launch {
  /** Where it finds the Kubernetes API in plain HTTP: a port on 127.0.0.1. */
  readonly door: number;
  /** One at least; the Lease is in the first. Those that share it are replicas. */
  readonly namespaces: readonly [string, ...string[]];
  /** Into how many shards the work is split; one if left out. */
  readonly shards?: number;
  /** Whether it works with a Lease; true if left out. */
  readonly leaderElect?: boolean;
}

/**
 * All that a suite needs: a Kubernetes API with the CRD, a cloud that does what the test says, and the operator as a
 * process of its own that watches all namespaces; on an API server that enforces RBAC with the rights of
 * deploy/install.yaml and no others. `stop()` puts everything away and fails when any status that was ever
 * seen broke a rule, or when a secret got into the operator's log.
 */
export class World {
  readonly #operators: OperatorProcess[] = [];
  #operator: OperatorProcess | undefined;
  #isStopping = false;

  private constructor(
    readonly cloud: ScriptedCloud,
    readonly client: KubeClient,
    /** The Kubernetes API, for what a test puts between it and an operator. */
    readonly upstream: Upstream,
    /** Stands between the operator and the Kubernetes API, or what the test put before that. */
    readonly apiDoor: TcpProxy,
    /** Whether the API server knows the CEL rules of the CRD; old ones drop them. */
    readonly enforcesRules: boolean,
    private readonly api: Api,
    private readonly recorder: Recorder,
    /** Whether the test put something in plain HTTP before the Kubernetes API. */
    private readonly isPlain: boolean,
    private readonly home: string,
    /** Of the operator's service account, where the API server enforces RBAC. */
    private readonly token: string | undefined,
    /** Those of this suite, in the order of their making. */
    private readonly namespaces: string[],
  ) {}

  /**
   * @param through puts something between the Kubernetes API and the operator, and returns its port for plain HTTP
   * @param callsPerSecond what the operator may ask of the cloud, for one project
   */
  static async start(
    through?: (upstream: Upstream) => Promise<number>,
    callsPerSecond = 500,
  ): Promise<World> {
    const home = mkdtempSync(join(tmpdir(), 'cloudjob-world-'));
    const api = await startApi(home);
    const client = new KubeClient(api.kubeconfigFile);
    const crd = await installCrd(client);
    const cloud = await ScriptedCloud.start();
    const upstream = new Upstream(api.kubeconfigFile, 1_000);
    const { hostname, port } = client.server;
    const target =
      through === undefined
        ? { host: hostname, port: Number(port) }
        : { host: '127.0.0.1', port: await through(upstream) };
    const apiDoor = await TcpProxy.start(target);
    const namespaces: string[] = [];
    const recorder = new Recorder(client, `${CLOUDJOBS}/cloudjobs`, [TOKEN_MARK], (namespace) =>
      namespaces.includes(namespace),
    );
    const world = new World(
      cloud,
      client,
      upstream,
      apiDoor,
      crd.includes('x-kubernetes-validations'),
      api,
      recorder,
      through !== undefined,
      home,
      api.enforcesRbac ? await installRights(client) : undefined,
      namespaces,
    );
    world.#writeConfig(callsPerSecond);
    return world;
  }

  /**
   * Starts the operator, after a `kill9` or `stopOperator` anew, and waits until it works: after a `kill9` the Lease has
   * to expire first. All namespaces when none is named.
   */
  async startOperator(
    namespaces: readonly string[] = [],
    more: Partial<OperatorOptions> = {},
  ): Promise<void> {
    const identity =
      this.token === undefined ? undefined : { token: this.token, namespace: OPERATOR_NAMESPACE };
    const name = 'operator.kubeconfig';
    const file = this.isPlain
      ? this.#writePlainKubeconfig(name, this.apiDoor.port)
      : this.writeKubeconfig(name, identity);
    await this.#run(() => this.#launch(file, { namespaces, ...more })).working();
  }

  /**
   * The kubelet's part: an operator that ends because its Lease was lost is started again. On a machine that is busy
   * enough, ten seconds may pass without an answer of the API server.
   */
  #run(launch: () => OperatorProcess): OperatorProcess {
    const operator = launch();
    this.#operator = operator;
    void (async () => {
      const { code } = await operator.exited;
      if (code === 1 && !this.#isStopping && operator.lostLease) this.#run(launch);
    })();
    return operator;
  }

  /** Starts one more operator; `stop` ends it with the others. */
  launch({ door, namespaces, ...more }: Launch): OperatorProcess {
    const file = this.#writePlainKubeconfig(`door-${door}.kubeconfig`, door, namespaces[0]);
    return this.#launch(file, { namespaces, ...more });
  }

  #launch(
    kubeconfigFile: string,
    options: Omit<OperatorOptions, 'configFile' | 'kubeconfigFile'>,
  ): OperatorProcess {
    const operator = new OperatorProcess({ configFile: this.configFile, kubeconfigFile, ...options });
    this.#operators.push(operator);
    return operator;
  }

  /** The operator's: a region for each namespace, all of them the scripted cloud. */
  get configFile(): string {
    return join(this.home, 'config.yaml');
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('the operator was not started');
    return this.#operator;
  }

  async stopOperator(): Promise<Exit> {
    return this.operator.stop();
  }

  /**
   * A new namespace with a Secret of good credentials in it. Its CloudJobs have a region and a token of their own, so
   * that no budget and no circuit breaker is shared with another test.
   */
  async namespace(): Promise<string> {
    const name = `test-${randomBytes(5).toString('hex')}`;
    demand(
      await this.client.post('/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      }),
    );
    this.namespaces.push(name);
    await this.putSecret(name, { token: tokenOf(name) });
    return name;
  }

  /** Creates or replaces the Secret that CloudJobs of these tests name. */
  async putSecret(namespace: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const data = Object.fromEntries(
      Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    );
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET }, type: 'Opaque', data };
    const created = await this.client.post(path, secret);
    demand(created.status === 409 ? await this.client.put(`${path}/${SECRET}`, secret) : created);
  }

  /** Creates one more Secret with what the namespace's holds. */
  async copySecret(namespace: string, name: string): Promise<void> {
    const data = { token: Buffer.from(tokenOf(namespace)).toString('base64') };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', data };
    demand(await this.client.post(`/api/v1/namespaces/${namespace}/secrets`, secret));
  }

  /** The statuses of all CloudJobs of the namespace. */
  async statuses(namespace: string): Promise<Status[]> {
    const list = demand(await this.client.get(`${CLOUDJOBS}/namespaces/${namespace}/cloudjobs`));
    return (list as { readonly items: readonly KubeObject[] }).items.map(({ status = {} }) => status);
  }

  /** Deletes all CloudJobs of the suite. */
  async deleteCloudJobs(): Promise<void> {
    for (const namespace of this.namespaces) {
      demand(await this.client.delete(`${CLOUDJOBS}/namespaces/${namespace}/cloudjobs`));
    }
  }

  async deleteSecret(namespace: string): Promise<void> {
    demand(await this.client.delete(`/api/v1/namespaces/${namespace}/secrets/${SECRET}`));
  }

  /** Creates a CloudJob that follows the job of that ID; its name is the ID in lower case. */
  async follow(namespace: string, jobID: string, spec: object = {}): Promise<Ref> {
    const name = jobID.toLowerCase();
    demand(await this.createCloudJob(namespace, name, { jobID, ...spec }));
    return { namespace, name };
  }

  regionOf(namespace: string): string {
    return REGIONS[this.namespaces.indexOf(namespace)] ?? 'out-of-regions';
  }

  async createCloudJob(namespace: string, name: string, spec: object): Promise<KubeAnswer> {
    return this.client.post(`${CLOUDJOBS}/namespaces/${namespace}/cloudjobs`, {
      apiVersion: 'cloudjob.dev/v1alpha1',
      kind: 'CloudJob',
      metadata: { name },
      spec: {
        projectID: PROJECT,
        region: this.regionOf(namespace),
        credentialsRef: { name: SECRET },
        ...spec,
      },
    });
  }

  /** Requests a poll now, and returns the object when the status reports that poll. */
  async pollNow(ref: Ref): Promise<KubeObject & { readonly status: Status }> {
    const requested = randomBytes(5).toString('hex');
    demand(await this.patch(ref, { metadata: { annotations: { 'cloudjob.dev/requestedAt': requested } } }));
    return this.untilStatus(
      ref,
      'is polled',
      (status) => status.lastHandledReconcileAt === requested,
      60_000,
    );
  }

  /** Changes the object as a user does. */
  async patch(ref: Ref, patch: object): Promise<KubeAnswer> {
    return this.client.mergePatch(pathOf(ref), patch);
  }

  /** Changes the status as the operator does. */
  async patchStatus(ref: Ref, status: object): Promise<void> {
    demand(await this.client.mergePatch(`${pathOf(ref)}/status`, { status }));
  }

  async delete(ref: Ref): Promise<void> {
    demand(await this.client.delete(pathOf(ref)));
  }

  async get(ref: Ref): Promise<KubeObject> {
    return kubeObjectSchema.parse(demand(await this.client.get(pathOf(ref))));
  }

  /** Waits until a status of the object is as wanted, and returns that version of the object. */
  async untilStatus(
    ref: Ref,
    what: string,
    wanted: (status: Status) => boolean,
    deadlineMs?: number,
  ): Promise<KubeObject & { readonly status: Status }> {
    let last: KubeObject | undefined;
    const found = await until(
      `${ref.name} ${what}`,
      async () => {
        last = await this.get(ref);
        const { status = {} } = last;
        return wanted(status) && { ...last, status };
      },
      deadlineMs,
      () => `it is ${JSON.stringify(last?.status, null, 1)}\n${this.#operators.at(-1)?.logTail()}`,
    );
    await this.#untilRecorded(ref, found.metadata.resourceVersion);
    return found;
  }

  /** The tests' own watch may be behind what was read: by moments, or by seconds after an outage that ended it, too. */
  async #untilRecorded(ref: Ref, version: string | undefined): Promise<void> {
    const end = performance.now() + RECORDER_LAG_MS;
    await until(
      'the recorder to see it',
      () =>
        performance.now() > end ||
        this.versions(ref).some(({ metadata }) => metadata.resourceVersion === version),
    );
  }

  /** Waits until the operator has read the job `more` times from now on and has dealt with all but the last. */
  async untilPolled(jobID: string, more: number, deadlineMs?: number): Promise<void> {
    const wanted = this.cloud.requests(jobID).length + more;
    await until(
      `${more} more requests for ${jobID}`,
      () => this.cloud.requests(jobID).length >= wanted,
      deadlineMs,
      () => this.operator.logTail(),
    );
  }

  /** Every version of the object that the API server sent, oldest first. */
  versions({ namespace, name }: Ref): readonly KubeObject[] {
    return this.recorder.versions(namespace, name);
  }

  /** The events about the object, in the order in which they happened; repeated ones with how often: `Throttled x2`. */
  async events({ namespace, name }: Ref): Promise<string[]> {
    const events = eventsSchema.parse(
      demand(await this.client.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`)),
    );
    return events.items
      .filter(({ regarding }) => regarding.name === name)
      .toSorted((a, b) => (a.eventTime < b.eventTime ? -1 : 1))
      .map(({ reason, series }) => (series ? `${reason} x${series.count}` : reason));
  }

  /** Admin access to the cluster. */
  get kubeconfigFile(): string {
    return this.api.kubeconfigFile;
  }

  async kubectl(args: readonly string[], input = ''): Promise<ToolResult> {
    return runKubectl(this.api.kubeconfigFile, this.home, args, input);
  }

  async helm(args: readonly string[]): Promise<ToolResult> {
    return runHelm(this.api.kubeconfigFile, this.home, args);
  }

  /** What `kubectl explain` prints, as soon as it prints something. */
  async explain(path: string): Promise<string> {
    return explain(this.api.kubeconfigFile, this.home, path);
  }

  /** Runs a shell script that uses kubectl as a user of this cluster does. */
  async shell(script: string, args: readonly string[] = []): Promise<ToolResult> {
    return runShell(this.api.kubeconfigFile, this.home, script, args);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const running = this.#operators.filter(({ exit }) => exit === undefined);
    await Promise.all(running.map((operator) => operator.stop()));
    const hung = running.filter(({ exit }) => exit?.signal);
    await this.apiDoor.shut();
    for (const namespace of this.namespaces) {
      await this.client.delete(`${CLOUDJOBS}/namespaces/${namespace}/cloudjobs`);
      await this.client.delete(`/api/v1/namespaces/${namespace}`);
    }
    const problems = [...(await this.recorder.stop())];
    await this.cloud.stop();
    this.client.close();
    this.upstream.close();
    await this.api.stop();
    rmSync(this.home, { recursive: true, force: true });

    if (this.#operators.some(({ log }) => log.some((line) => line.includes(TOKEN_MARK)))) {
      problems.push("the token is in the operator's log");
    }
    for (const operator of hung) problems.push(`an operator did not end by itself\n${operator.logTail()}`);
    if (problems.length > 0) throw new Error(problems.join('\n\n'));
  }

  /**
   * Writes a kubeconfig that leads through the door.
   *
   * @param identity whose Lease is in that namespace, with the service account's token; admin access without a token
   * @returns its path
   */
  writeKubeconfig(name: string, identity?: { readonly token?: string; readonly namespace: string }): string {
    const kubeconfig = load(readFileSync(this.api.kubeconfigFile, 'utf8')) as {
      readonly clusters: { readonly cluster: { server: string } }[];
      readonly contexts: { readonly context: { namespace?: string } }[];
      readonly users: { user: object }[];
    };
    for (const { cluster } of kubeconfig.clusters) {
      const server = new URL(cluster.server);
      server.port = String(this.apiDoor.port);
      cluster.server = server.href.replace(/\/$/, '');
    }
    if (identity !== undefined) {
      for (const { context } of kubeconfig.contexts) context.namespace = identity.namespace;
    }
    if (identity?.token !== undefined) {
      for (const user of kubeconfig.users) user.user = { token: identity.token };
    }
    const path = join(this.home, name);
    writeFileSync(path, dump(kubeconfig), { mode: 0o600 });
    return path;
  }

  /** Of an API in plain HTTP; objects without a namespace of their own go to that one. */
  #writePlainKubeconfig(name: string, port: number, namespace = 'default'): string {
    const path = join(this.home, name);
    const kubeconfig = {
      'current-context': 'door',
      clusters: [{ name: 'door', cluster: { server: `http://127.0.0.1:${port}` } }],
      contexts: [{ name: 'door', context: { cluster: 'door', user: 'anybody', namespace } }],
      users: [{ name: 'anybody', user: {} }],
    };
    writeFileSync(path, dump(kubeconfig));
    return path;
  }

  #writeConfig(callsPerSecond: number): void {
    const config = {
      regions: Object.fromEntries(
        REGIONS.map((name) => [name, { cce: this.cloud.url, iam: this.cloud.url }]),
      ),
      polling: { minSeconds: 1, maxSeconds: 2 },
      budget: { requestsPerSecond: callsPerSecond, burst: callsPerSecond },
    };
    writeFileSync(this.configFile, dump(config));
  }
}

/** What the Secret of that namespace holds at first. */
export function tokenOf(namespace: string): string {
  return `${TOKEN_MARK}-${namespace}`;
}

/** Whether the status has that condition, with that reason if one is given. */
export function has(status: Status, type: string, value: string, reason?: string): boolean {
  const found = status.conditions?.find((one) => one.type === type);
  return found?.status === value && (reason === undefined || found.reason === reason);
}

function pathOf({ namespace, name }: Ref): string {
  return `${CLOUDJOBS}/namespaces/${namespace}/cloudjobs/${name}`;
}

/** The body of an answer that must be a success. */
function demand({ status, body }: KubeAnswer): unknown {
  if (status >= 200 && status < 300) return body;
  throw new Error(`the Kubernetes API answered ${status}: ${JSON.stringify(body)}`);
}

/** Puts the CRD of this checkout in place, waits until its resources answer, and returns what the server made of it. */
async function installCrd(client: KubeClient): Promise<string> {
  const crd = load(readFileSync(CRD_FILE, 'utf8')) as { readonly metadata: { readonly name: string } };
  const path = `${CRDS}/${crd.metadata.name}`;
  const created = await client.post(CRDS, crd);
  if (created.status === 409) {
    const { resourceVersion } = kubeObjectSchema.parse(demand(await client.get(path))).metadata;
    demand(await client.put(path, { ...crd, metadata: { ...crd.metadata, resourceVersion } }));
  } else {
    demand(created);
  }
  await until('the CRD to be served', async () => {
    const { status } = await client.get(`${CLOUDJOBS}/cloudjobs`);
    return status === 200;
  });
  return JSON.stringify(demand(await client.get(path)));
}
