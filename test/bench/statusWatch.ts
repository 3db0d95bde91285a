import type { KubeClient } from '../../src/kube/client.js';
import { isRecord } from '../../src/json.js';
import { CLOUD_JOBS } from '../../src/api/cloudjob.js';
import { NAMESPACE } from './fleet.js';

const LONGEST_SECONDS = 600;
const PATIENCE_MS = 60_000;

/** Sees CloudJobs get their first status with a phase, as a user's watch does. */
export class StatusWatch {
  readonly #end = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  readonly #seen = new Set<string>();
  #ended = false;

  private constructor() {}

  static async open(client: KubeClient): Promise<StatusWatch> {
    const watch = new StatusWatch();
    const { signal } = watch.#end;
    const { resourceVersion } = await client.list(CLOUD_JOBS, { namespace: NAMESPACE, limit: 1 }, signal);
    const options = { namespace: NAMESPACE, resourceVersion, timeoutSeconds: LONGEST_SECONDS };
    const events = await client.watch(CLOUD_JOBS, options, signal);
    void watch.#follow(events);
    return watch;
  }

  /** How many CloudJobs have got a phase since it was opened. */
  get count(): number {
    if (this.#ended) throw new Error('the API server has ended the watch');
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

  async #follow(events: Awaited<ReturnType<KubeClient['watch']>>): Promise<void> {
    try {
      for await (const event of events) {
        if (event.kind !== 'present') continue;
        const { metadata, status } = event.object;
        if (!isRecord(status) || status['phase'] === undefined) continue;
        this.#seen.add(metadata.name);
        this.#waiting.get(metadata.name)?.();
        this.#waiting.delete(metadata.name);
      }
    } catch (error) {
      if (!this.#end.signal.aborted) throw error;
    } finally {
      this.#ended = true;
    }
  }
}
