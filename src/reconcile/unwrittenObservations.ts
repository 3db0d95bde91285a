import type { Observation } from '../cloud/observation.js';

/** The JSON of all that is kept, in characters: of some thousand ordinary jobs. In memory they take a few times as much. */
export const MAX_UNWRITTEN_LENGTH = 8 * 1024 * 1024;

interface Entry {
  readonly observation: Observation;
  readonly length: number;
}

/**
 * What was observed and is not in the status yet, by who keeps it. While the API server takes no writes, the observations of
 * all jobs that change add up: the oldest ones are then dropped, and their jobs are polled again.
 */
export class UnwrittenObservations {
  readonly #entries = new Map<object, Entry>();
  #length = 0;

  of(keeper: object): Observation | undefined {
    return this.#entries.get(keeper)?.observation;
  }

  keep(keeper: object, observation: Observation): void {
    this.drop(keeper);
    const { length } = JSON.stringify(observation);
    this.#entries.set(keeper, { observation, length });
    this.#length += length;
    for (const oldest of this.#entries.keys()) {
      if (this.#length <= MAX_UNWRITTEN_LENGTH || oldest === keeper) return;
      this.drop(oldest);
    }
  }

  drop(keeper: object): void {
    this.#length -= this.#entries.get(keeper)?.length ?? 0;
    this.#entries.delete(keeper);
  }
}
