import { createHash } from 'node:crypto';
import { cutToBytes } from '../text.js';
import { microTime } from './microTime.js';

/** What an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string;
}

/** The content of an event. */
export interface EventDetails {
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word. */
  readonly reason: string;
  /** The action, in one word. */
  readonly action: string;
  /** For people; more than 1,024 bytes are cut off. */
  readonly note: string;
  /**
   * Identifies it among all events of the object. The same facts must always give the same key, in another process too.
   */
  readonly key: string;
}

/** The reporter: the controller and its replica (up to 128 characters). */
export interface Reporter {
  readonly controller: string;
  readonly instance: string;
}

/** The API's limit for a note, in bytes. */
const MAX_NOTE_BYTES = 1024;
/** The API's limit for a name is 253. */
const MAX_NAME_PREFIX = 236;

/** A unique name: equal for the same key and object, in every process. */
export function eventName({ name, uid }: Regarding, { key }: Pick<EventDetails, 'key'>): string {
  const hash = createHash('sha256').update(`${uid}\n${key}`).digest('hex').slice(0, 16);
  // A name's parts may not end in a hyphen.
  return `${name.slice(0, MAX_NAME_PREFIX).replace(/[-.]+$/, '')}.${hash}`;
}

/** @param at milliseconds since the epoch */
export function eventObject(
  name: string,
  regarding: Regarding,
  { type, reason, action, note }: EventDetails,
  { controller, instance }: Reporter,
  at: number,
): Record<string, unknown> {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: regarding.namespace },
    regarding,
    type,
    reason,
    action,
    note: cutToBytes(note, MAX_NOTE_BYTES),
    eventTime: microTime(at),
    reportingController: controller,
    reportingInstance: instance.slice(0, 128),
  };
}

/** How often it happened (2 or more) and when last, as a patch of the event. */
export function eventSeries(count: number, lastAt: number): Record<string, unknown> {
  return { series: { count, lastObservedTime: microTime(lastAt) } };
}
