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

/** One event and how much of it the API server knows. Instants are in milliseconds since the epoch. */
export interface PendingEvent {
  readonly regarding: Regarding;
  readonly details: EventDetails;
  firstAt: number;
  lastAt: number;
  /** How often it happened. */
  count: number;
  /** How much of `count` was sent; 0: the event is not stored yet. */
  sent: number;
}

/** Brings the API server's knowledge of events up to date. */
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
      // Sent by an earlier process, or by a request of this one whose answer was lost.
      if (!isAlreadyExists(error)) throw error;
    }
    event.sent = 1;
  }

  async #repeat(name: string, event: PendingEvent, signal: AbortSignal): Promise<void> {
    const { count, lastAt, regarding } = event;
    const ref = { namespace: regarding.namespace, name };
    try {
      await this.client.mergePatch(EVENTS, ref, eventSeries(count, lastAt), {}, signal);
      event.sent = count;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The API server forgets events after an hour or so: this is the first of a new series.
      Object.assign(event, { firstAt: lastAt, count: 1, sent: 0 });
    }
  }
}

/** How often an event is sent again that an API server refuses which may have just started. */
const PATIENCE = 4;

/**
 * Whether sending the same again would be of no use: a bad object at once; no permission, or a namespace that goes away,
 * only when it stays so. An API server that has just started refuses for some seconds what it will allow.
 *
 * @param failures how often it was sent in vain before
 */
export function isRefusal(error: unknown, failures: number): boolean {
  const isAnswer = error instanceof KubeError && error.status >= 400 && error.status < 500;
  if (!isAnswer || isTooManyRequests(error) || isUnauthorized(error) || isConflict(error)) return false;
  const mayPass = isForbidden(error) || error.status === 404;
  return !mayPass || failures >= PATIENCE;
}
