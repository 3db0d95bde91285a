import type { KubeClient } from './client.js';
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNotFound,
  isTooManyRequests,
  isUnauthorized,
  KubeError,
} from './errors.js';
import { eventObject, eventSeries, type EventDetails, type Regarding, type Reporter } from './eventObject.js';
import { EVENTS } from './resources.js';

/** One event and what the API server has of it. Instants are in milliseconds since the epoch. */
export interface PendingEvent {
  readonly regarding: Regarding;
  readonly details: EventDetails;
  firstAt: number;
  lastAt: number;
  /** How often it happened. */
  count: number;
  /** The part of `count` that was sent; 0: the event is not stored yet. */
  sent: number;
}

/** Writes events to the API server. */
export class EventWriter {
  constructor(
    private readonly client: Pick<KubeClient, 'create' | 'mergePatch'>,
    private readonly reporter: Reporter,
  ) {}

  /** Creates the event, or updates how often it has happened since. @throws KubeError */
  write(name: string, event: PendingEvent, signal: AbortSignal): Promise<void> {
    return event.sent === 0 ? this.#create(name, event, signal) : this.#repeat(name, event, signal);
  }

  async #create(name: string, event: PendingEvent, signal: AbortSignal): Promise<void> {
    const { regarding, details, firstAt } = event;
    const body = eventObject(name, regarding, details, this.reporter, firstAt);
    try {
      await this.client.create(EVENTS, regarding.namespace, body, signal);
    } catch (error) {
      // An earlier process sent it, or a request of this one whose answer was lost.
      if (!isAlreadyExists(error)) throw error;
    }
    event.sent = 1;
  }

  async #repeat(name: string, event: PendingEvent, signal: AbortSignal): Promise<void> {
    const { count, lastAt, regarding } = event;
    const ref = { namespace: regarding.namespace, name };
    try {
      await this.client.mergePatch(EVENTS, ref, eventSeries(count, lastAt), signal);
      event.sent = count;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The API server deletes events after about an hour: this is the first of a new series.
      Object.assign(event, { firstAt: lastAt, count: 1, sent: 0 });
    }
  }
}

/** How often a refused event is sent again, because the API server may have just started. */
const PATIENCE = 4;

/**
 * Whether a retry cannot help. For a bad object at once; for missing permission, or a namespace that is being deleted,
 * only after some failures: for some seconds after its start an API server refuses what it allows later.
 *
 * @param failures how often sending it has failed before
 */
export function isRefusal(error: unknown, failures: number): boolean {
  const isAnswer = error instanceof KubeError && error.status >= 400 && error.status < 500;
  if (!isAnswer || isTooManyRequests(error) || isUnauthorized(error) || isConflict(error)) return false;
  const mayPass = isForbidden(error) || error.status === 404;
  return !mayPass || failures >= PATIENCE;
}
