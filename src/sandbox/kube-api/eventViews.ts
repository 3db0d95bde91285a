import { at, type JsonObject, type KubeObject } from './json.js';

/** core v1 name → events.k8s.io/v1 name, where they differ. Events are stored in the core form. */
const NAMES: readonly (readonly [core: string, current: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

export function toCoreEvent(event: KubeObject): KubeObject {
  return renamed(
    event,
    'v1',
    NAMES.map(([core, current]) => [current, core]),
  );
}

export function toCurrentEvent(event: KubeObject): KubeObject {
  return renamed(event, 'events.k8s.io/v1', NAMES);
}

function renamed(
  event: KubeObject,
  apiVersion: string,
  names: readonly (readonly [from: string, to: string])[],
): KubeObject {
  const result: JsonObject = { ...event };
  for (const [from, to] of names) {
    if (!Object.hasOwn(event, from)) continue;
    delete result[from];
    result[to] = event[from];
  }
  return { ...result, apiVersion, kind: 'Event', metadata: event.metadata };
}

/** When an event was last seen, in either form. */
export function lastSeen(event: KubeObject): unknown {
  return (
    at(event, 'series', 'lastObservedTime') ??
    event['lastTimestamp'] ??
    event['deprecatedLastTimestamp'] ??
    firstSeen(event)
  );
}

export function firstSeen(event: KubeObject): unknown {
  return event['firstTimestamp'] ?? event['deprecatedFirstTimestamp'] ?? event['eventTime'];
}

/** `kind/name` of what the event is about. */
export function aboutWhat(event: KubeObject): string {
  const about = event['involvedObject'] ?? event['regarding'];
  const kind = at(about, 'kind');
  const name = at(about, 'name');
  return `${typeof kind === 'string' ? kind.toLowerCase() : ''}/${typeof name === 'string' ? name : ''}`;
}

export function sourceOf(event: KubeObject): string {
  const source = event['source'] ?? event['deprecatedSource'];
  const parts = [
    at(source, 'component') ?? event['reportingComponent'] ?? event['reportingController'],
    at(source, 'host') ?? event['reportingInstance'],
  ];
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ');
}

export function countOf(event: KubeObject): number {
  const count = at(event, 'series', 'count') ?? event['count'] ?? event['deprecatedCount'];
  return typeof count === 'number' ? count : 1;
}
