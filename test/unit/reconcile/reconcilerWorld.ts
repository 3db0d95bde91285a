import { readCloudJob, type CloudJob, type CloudJobStatus } from '../../../src/api/cloudjob.js';
import { Regions } from '../../../src/cloud/regions.js';
import type { Target } from '../../../src/cloud/client.js';
import type { Observation } from '../../../src/cloud/job.js';
import type {
  CloudJobStore,
  Glance,
  JobReader,
  SecretFinding,
  SecretReader,
  TransitionSink,
} from '../../../src/reconcile/ports.js';
import { Reconciler, type Pass, type Result } from '../../../src/reconcile/reconciler.js';
import { SecretCache } from '../../../src/reconcile/secrets.js';
import type { TransitionEvent } from '../../../src/reconcile/transitions.js';
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

type Reading = Observation | { readonly kind: 'waiting' };
type Answer = Reading | Promise<Reading>;

/** Remembers what was read, and gives one answer after the other; the last one for ever. */
class FakeReader implements JobReader {
  readonly reads: { readonly priority: Priority; readonly target: Target }[] = [];
  readonly forgotten: string[] = [];
  answers: Answer[] = [{ kind: 'job', job: job('Running') }];

  async read(_key: string, target: Target, priority: Priority): Promise<Reading> {
    this.reads.push({ priority, target });
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    const reading = (await answer) ?? { kind: 'waiting' };
    return reading.kind === 'job' ? { ...reading, digest: JSON.stringify(reading.job) } : reading;
  }

  /** What the list of the project's jobs tells, from the digest that it is asked about. */
  list: (digest: string) => ReturnType<JobReader['unchanged']> = () => 'unknown';

  unchanged(_key: string, _target: Target, digest: string): ReturnType<JobReader['unchanged']> {
    return this.list(digest);
  }

  /** Keys for which a look of another CloudJob has told of the same job. */
  readonly news = new Set<string>();

  hasNews(key: string): boolean {
    return this.news.has(key);
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
  readonly resting = new Set<string>();
  /** How often an object was read as a whole. */
  gets = 0;
  /** What befalls the next writes, one after the other; then all is well. */
  troubles: ('stale' | Error)[] = [];
  /** What happens while a write is under way. */
  meanwhile: () => Promise<void> = () => Promise.resolve();
  #version = 100;

  glance(key: string): Glance | undefined {
    const { metadata } = this.objects.get(key) ?? {};
    return metadata && { resourceVersion: metadata.resourceVersion ?? '', rests: this.resting.has(key) };
  }

  get(key: string): CloudJob | undefined {
    this.gets += 1;
    return this.objects.get(key);
  }

  put(object: CloudJob): void {
    const { namespace, name } = object.metadata;
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.objects.set(`${namespace}/${name}`, { ...object, metadata });
  }

  async writeStatus({ metadata }: CloudJob, status: CloudJobStatus): Promise<CloudJob | 'stale'> {
    await this.meanwhile();
    const trouble = this.troubles.shift();
    if (trouble instanceof Error) throw trouble;
    const stored = this.objects.get(`${metadata.namespace}/${metadata.name}`);
    if (trouble === 'stale' || stored === undefined) return 'stale';
    if (stored.metadata.resourceVersion !== metadata.resourceVersion) return 'stale';
    this.written.push(status);
    this.put({ ...stored, status });
    return this.objects.get(`${metadata.namespace}/${metadata.name}`) ?? 'stale';
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

  async read(): Promise<SecretFinding> {
    this.reads += 1;
    return { kind: 'found', data: { token: Buffer.from(this.token).toString('base64') } };
  }
}

class FakeTransitions implements TransitionSink {
  readonly told: TransitionEvent['reason'][] = [];

  readonly announced: TransitionEvent[] = [];
  /** Resolves each announcement. */
  announcing: Promise<void> = Promise.resolve();

  announce(_cloudJob: CloudJob, events: readonly TransitionEvent[]): Promise<void> {
    this.announced.push(...events);
    return this.announcing;
  }

  confirm(_cloudJob: CloudJob, events: readonly TransitionEvent[]): void {
    this.told.push(...events.map(({ reason }) => reason));
  }
}

/** A reconciler among fakes, on a clock that stands 5 s after the creation of its CloudJobs. */
export class ReconcilerWorld {
  readonly clock = new FakeClock(CREATED + 5_000);
  readonly store = new FakeStore();
  readonly reader = new FakeReader();
  readonly secrets = new FakeSecrets();
  readonly transitions = new FakeTransitions();
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

  pass(
    signal = new AbortController().signal,
    key = KEY,
    priority: Pass['priority'] = 'high',
  ): Promise<Result> {
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

  /** Another process takes over: it knows nothing but what is stored. */
  restart(): void {
    this.#reconciler = this.#start();
  }

  #start(): Reconciler {
    return new Reconciler({
      store: this.store,
      secrets: new SecretCache(this.secrets, this.clock, new AbortController().signal),
      reader: this.#reader,
      transitions: this.transitions,
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
