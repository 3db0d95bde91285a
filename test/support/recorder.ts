import { setTimeout as delay } from 'node:timers/promises';
import { expectSound } from './soundStatus.js';
import { kubeObjectSchema, type KubeClient, type KubeObject } from './kubeClient.js';

/** How long the API server may be away. */
const SILENCE_MS = 60_000;

/** Watches CloudJobs and keeps every version of each that the API server sends. */
export class Recorder {
  readonly #versions = new Map<string, KubeObject[]>();
  readonly #problems: string[] = [];
  #resourceVersion: string | undefined;
  #events = 0;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  /**
   * @param secrets must never be in an object
   * @param concerns whether a namespace is one of the suite's: a shared server has others, too
   */
  constructor(
    client: KubeClient,
    path: string,
    private readonly secrets: readonly string[],
    private readonly concerns: (namespace: string) => boolean,
  ) {
    this.#ended = this.#follow(client, path);
  }

  /** Every version of the object so far, oldest first. */
  versions(namespace: string, name: string): readonly KubeObject[] {
    return this.#versions.get(`${namespace}/${name}`) ?? [];
  }

  /** Stops watching; what was wrong with any version. */
  async stop(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#ended;
    return this.#problems;
  }

  async #follow(client: KubeClient, path: string): Promise<void> {
    const { signal } = this.#stop;
    let silentSince = performance.now();
    // A server ends a watch now and then, and a test may stop the server: the next watch goes on after the last event.
    while (!signal.aborted) {
      const from = this.#resourceVersion === undefined ? '' : `&resourceVersion=${this.#resourceVersion}`;
      const heard = this.#events;
      try {
        await client.watch(`${path}?watch=true${from}`, (event) => this.#record(event), signal);
        silentSince = performance.now();
      } catch (error) {
        if (this.#events > heard) silentSince = performance.now();
        if (performance.now() - silentSince > SILENCE_MS) {
          this.#problems.push(`the watch of the tests broke: ${String(error)}`);
          return;
        }
        await delay(100);
      }
    }
  }

  #record(event: unknown): void {
    const { type, object } = event as { readonly type: string; readonly object: unknown };
    this.#events += 1;
    if (type === 'ERROR') {
      // The history before is gone; the next watch begins with all that there is.
      this.#resourceVersion = undefined;
      return;
    }
    this.#resourceVersion = kubeObjectSchema.parse(object).metadata.resourceVersion;
    if (type !== 'ADDED' && type !== 'MODIFIED') return;
    const version = kubeObjectSchema.parse(object);
    const { namespace = '', name, resourceVersion } = version.metadata;
    if (!this.concerns(namespace)) return;
    const key = `${namespace}/${name}`;
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    if (versions.some((earlier) => earlier.metadata.resourceVersion === resourceVersion)) return;
    versions.push(version);
    try {
      expectSound(version, this.secrets);
    } catch (error) {
      this.#problems.push(`${key}: ${String(error)}\n${JSON.stringify(version.status, null, 1)}`);
    }
  }
}
