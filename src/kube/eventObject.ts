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

/** What an event says of its object. */
export interface EventDetails {
  readonly type: 'Normal' | 'Warning';
  /** Why, in one word. */
  readonly reason: string;
  /** What was being done, in one word. */
  readonly action: string;
  /** For people; more than 1,024 bytes are cut off. */
  readonly note: string;
  /**
   * Identifies it among all events of the object. What is derived again from the same facts, by another process too, must
   * have the same key.
   */
  readonly key: string;
}

/** Who reports: the controller, and which of its replicas (up to 128 characters). */
export interface Reporter {
  readonly controller: string;
  readonly instance: string;
}

/** The API's limit for a note, in bytes. */
const MAX_NOTE_BYTES = 1024;
/** The API's limit for a name is 253. */
const MAX_NAME_PREFIX = 236;

/** The same for the same key and object, in every process; no other event has it. */
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
