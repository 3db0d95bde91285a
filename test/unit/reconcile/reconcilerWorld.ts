import { readCloudJob, type CloudJob, type CloudJobStatus } from '../../../src/api/cloudjob.js';
import { Regions } from '../../../src/cloud/regions.js';
import { readCredentials } from '../../../src/cloud/credentials.js';
import type { Target } from '../../../src/cloud/client.js';
import type { Observation } from '../../../src/cloud/observation.js';
import type {
  CloudJobStore,
  JobReader,
  SecretResult,
  SecretReader,
  TransitionRecorder,
  Written,
} from '../../../src/reconcile/ports.js';
import type { Result } from '../../../src/kube/controller.js';
import { Reconciler } from '../../../src/reconcile/reconciler.js';
import { SecretCache } from '../../../src/reconcile/secretCache.js';
import type { Transition } from '../../../src/reconcile/transitions.js';
import { CREATED, job } from '../../support/cloudJobs.js';
import { FakeClock } from '../../support/fakeClock.js';
import type { Priority } from '../../../src/priority.js';

export const KEY = 'infra/scale-up';

/** An answer that comes when the test says so (Node 20 has no `Promise.withResolvers`). */
export class SlowAnswer {
  resolve: (observation: Observation) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;
  readonly promise = new Promise<Observation>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

type Answer = Observation | Promise<Observation>;

/** Remembers what was read, and gives one answer after the other; the last one for ever. */
class FakeReader implements JobReader {
  readonly reads: { readonly priority: Priority; readonly target: Target }[] = [];
  readonly forgotten: string[] = [];
  answers: Answer[] = [{ kind: 'job', job: job('Running') }];

  async read(_key: string, target: Target, priority: Priority): Promise<Observation> {
    this.reads.push({ priority, target });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    return (await answer) ?? { kind: 'nothing' };
  }

  /** Keys whose job has been read for another CloudJob. */
  readonly shared = new Set<string>();

  hasSharedResult(key: string): boolean {
    return this.shared.has(key);
  }

  forget(key: string): void {
    this.forgotten.push(key);
  }
}

/** Stores objects, and refuses writes to other versions than the one that it has. */
class FakeStore implements CloudJobStore {
  readonly objects = new Map<string, CloudJob>();
  readonly written: CloudJobStatus[] = [];
  readonly deleted: CloudJob[] = [];
  /** How many phases became the operator's own. */
  adopted = 0;
  /** Keys of objects that rest. */
  readonly resting = new Set<string>();
  /** What befalls the next writes, one after the other; then all is well. */
  troubles: ('stale' | 'lost' | 'tooLarge' | Error)[] = [];
  /** What it keeps of a status. */
  keeps: (status: CloudJobStatus) => CloudJobStatus = (status) =>
    JSON.parse(JSON.stringify(status)) as CloudJobStatus;
  /** What happens while a write is under way. */
  meanwhile: () => Promise<void> = () => Promise.resolve();
  #version = 100;

  get(key: string): CloudJob | undefined {
    return this.resting.has(key) ? undefined : this.objects.get(key);
  }

  put(object: CloudJob): void {
    const { namespace, name } = object.metadata;
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.objects.set(`${namespace}/${name}`, { ...object, metadata });
  }

  async writeStatus({ metadata }: CloudJob, status: CloudJobStatus): Promise<Written> {
    await this.meanwhile();
    const trouble = this.troubles.shift();
    if (trouble instanceof Error) throw trouble;
    const stored = this.objects.get(`${metadata.namespace}/${metadata.name}`);
    if (trouble === 'tooLarge') return trouble;
    if (trouble === 'stale' || stored === undefined) return 'stale';
    if (stored.metadata.resourceVersion !== metadata.resourceVersion) return 'stale';
    this.written.push(status);
    const isPhaseForeign = stored.metadata.isPhaseForeign && stored.status.phase === status.phase;
    this.put({ ...stored, metadata: { ...stored.metadata, isPhaseForeign }, status: this.keeps(status) });
    if (trouble === 'lost') throw new Error('the answer was lost');
    return this.objects.get(`${metadata.namespace}/${metadata.name}`) ?? 'stale';
  }

  async adoptPhase(object: CloudJob): Promise<CloudJob | 'stale'> {
    const { namespace, name } = object.metadata;
    this.adopted += 1;
    this.put({ ...object, metadata: { ...object.metadata, isPhaseForeign: false } });
    return this.objects.get(`${namespace}/${name}`) ?? 'stale';
  }

  async delete(object: CloudJob): Promise<void> {
    const { namespace, name, resourceVersion } = object.metadata;
    if (this.objects.get(`${namespace}/${name}`)?.metadata.resourceVersion !== resourceVersion) return;
    this.objects.delete(`${namespace}/${name}`);
    this.deleted.push(object);
  }
}

class FakeSecrets implements SecretReader {
  reads = 0;
  token = 'first';

  async read(): Promise<SecretResult> {
    this.reads += 1;
    return { kind: 'found', read: readCredentials({ token: Buffer.from(this.token).toString('base64') }) };
  }
}

class FakeTransitions implements TransitionRecorder {
  readonly recorded: Transition[] = [];
  /** Those of which the status is stored. */
  readonly committed: Transition['reason'][] = [];
  /** Resolves when they are recorded. */
  recording: Promise<void> = Promise.resolve();

  record(_cloudJob: CloudJob, transitions: readonly Transition[]): Promise<void> {
    this.recorded.push(...transitions);
    return this.recording;
  }

  commit(_cloudJob: CloudJob, transitions: readonly Transition[]): void {
    this.committed.push(...transitions.map(({ reason }) => reason));
  }
}

/** A reconciler among fakes, on a clock that stands 5 s after the creation of its CloudJobs. */
export class ReconcilerWorld {
  readonly clock = new FakeClock(CREATED + 5_000);
  readonly store = new FakeStore();
  readonly reader = new FakeReader();
  readonly secrets = new FakeSecrets();
  readonly transitions = new FakeTransitions();
  /** What was said of statuses that were too large. */
  readonly tooLarge: boolean[] = [];
  readonly alterations: string[] = [];
  /** In the middle: waits are not spread. */
  random = 0.5;
  #reader: JobReader = this.reader;
  #reconciler = this.#start();

  constructor(object?: CloudJob) {
    if (object !== undefined) this.store.put(object);
  }

  /** Another reader than the fake one; who reconciles is started anew with it. */
  readWith(make: (clock: FakeClock) => JobReader): void {
    this.#reader = make(this.clock);
    this.restart();
  }

  /** The object as it is stored now. */
  get object(): CloudJob {
    const object = this.store.objects.get(KEY);
    if (object === undefined) throw new Error('there is no CloudJob');
    return object;
  }

  get reads(): number {
    return this.reader.reads.length;
  }

  pass(signal = new AbortController().signal, key = KEY, priority: Priority = 'high'): Promise<Result> {
    return this.#reconciler.reconcile(key, { priority, signal });
  }

  /** Changes the object as a user does; another spec is another generation. */
  edit(change: {
    readonly spec?: Readonly<Record<string, unknown>>;
    readonly annotations?: Readonly<Record<string, string>>;
  }): void {
    const { metadata, spec, status } = this.object;
    const generation = metadata.generation + (change.spec === undefined ? 0 : 1);
    this.store.put({
      ...readCloudJob({
        metadata: {
          ...metadata,
          generation,
          annotations: { ...metadata.annotations, ...change.annotations },
        },
        spec: { ...spec, ...change.spec },
        status: {},
      }),
      status,
    });
  }

  /** Changes the status as somebody else than the operator does. */
  forge(status: CloudJobStatus): void {
    const { metadata } = this.object;
    this.store.put({
      ...this.object,
      metadata: { ...metadata, isPhaseForeign: true },
      status: { ...this.object.status, ...status },
    });
  }

  /** Another process takes over: it knows nothing but what is stored. */
  restart(): void {
    this.#reconciler = this.#start();
  }

  #start(): Reconciler {
    return new Reconciler({
      store: this.store,
      onTooLarge: (_, isShorterLeft) => void this.tooLarge.push(isShorterLeft),
      secrets: new SecretCache(this.secrets, this.clock, new AbortController().signal),
      reader: this.#reader,
      transitions: this.transitions,
      onAlteration: (how, _, fields) => void this.alterations.push([how, ...fields].join(' ')),
      clock: this.clock,
      random: () => this.random,
      clouds: {
        regions: new Regions(),
        defaultRegion: undefined,
        authenticators: {
          of: ({ fingerprint }) => ({
            fingerprint,
            signs: false,
            headers: () => Promise.resolve({ ok: true, headers: {}, secrets: [], rejected: () => false }),
          }),
        },
      },
      polling: { minSeconds: 2, maxSeconds: 60 },
    });
  }
}
