import type { KubeClient } from '../../src/kube/client.js';
import { isRecord } from '../../src/json.js';
import { CLOUD_JOBS } from '../../src/api/cloudjob.js';
import { NAMESPACE } from './fleet.js';
import { pause } from './wait.js';

const LONGEST_SECONDS = 600;
const PATIENCE_MS = 60_000;
const AGAIN_MS = 200;

/** Sees CloudJobs get their first status with a phase, as a user's watch does. */
export class StatusWatch {
  readonly #client: KubeClient;
  readonly #end = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  readonly #seen = new Set<string>();
  /** Where the watch goes on. */
  #version: string;

  private constructor(client: KubeClient, version: string) {
    this.#client = client;
    this.#version = version;
  }

  static async open(client: KubeClient): Promise<StatusWatch> {
    const { signal } = new AbortController();
    const { resourceVersion } = await client.list(CLOUD_JOBS, { namespace: NAMESPACE, limit: 1 }, signal);
    const watch = new StatusWatch(client, resourceVersion);
    void watch.#follow(await watch.#events());
    return watch;
  }

  /** How many CloudJobs have got a phase since it was opened. */
  get count(): number {
    return this.#seen.size;
  }

  /** Resolves with the time on `performance.now()`'s clock at which it had a phase. */
  seen(name: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} has got no status`)), PATIENCE_MS);
      this.#waiting.set(name, () => {
        clearTimeout(late);
        resolve(performance.now());
      });
    });
  }

  close(): void {
    this.#end.abort();
  }

  #events(): ReturnType<KubeClient['watch']> {
    const resourceVersion = this.#version;
    const options = { namespace: NAMESPACE, resourceVersion, timeoutSeconds: LONGEST_SECONDS };
    return this.#client.watch(CLOUD_JOBS, options, this.#end.signal);
  }

  /** Goes on where it was when the API server ends the watch, as after a change of the CRD. */
  async #follow(first: Awaited<ReturnType<KubeClient['watch']>>): Promise<void> {
    let events: typeof first | undefined = first;
    while (!this.#end.signal.aborted) {
      try {
        events ??= await this.#events();
        for await (const event of events) {
          if (event.kind === 'present') this.#take(event.object.metadata, event.object['status']);
        }
      } catch {
        // Whoever waits has a deadline.
      }
      events = undefined;
      await pause(AGAIN_MS);
    }
  }

  #take(metadata: { readonly name: string; readonly resourceVersion: string }, status: unknown): void {
    this.#version = metadata.resourceVersion;
    if (!isRecord(status) || status['phase'] === undefined) return;
    this.#seen.add(metadata.name);
    this.#waiting.get(metadata.name)?.();
    this.#waiting.delete(metadata.name);
  }
}
