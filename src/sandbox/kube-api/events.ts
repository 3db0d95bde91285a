import { builtin, checkMicroTimes, describe, int32, string, time } from './builtin.js';
import { age, column, nameColumn } from './columns.js';
import { at, type JsonObject, type KubeObject } from './json.js';
import type { Column } from './resource.js';
import type { Schema } from './schema.js';
import { invalidValue, requiredValue, type Cause } from './status.js';

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

function toCoreEvent(event: KubeObject): KubeObject {
  return renamed(
    event,
    'v1',
    NAMES.map(([core, current]) => [current, core]),
  );
}

function toCurrentEvent(event: KubeObject): KubeObject {
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
function lastSeen(event: KubeObject): unknown {
  return (
    at(event, 'series', 'lastObservedTime') ??
    event['lastTimestamp'] ??
    event['deprecatedLastTimestamp'] ??
    firstSeen(event)
  );
}

function firstSeen(event: KubeObject): unknown {
  return event['firstTimestamp'] ?? event['deprecatedFirstTimestamp'] ?? event['eventTime'];
}

/** `kind/name` of the event's object. */
function aboutWhat(event: KubeObject): string {
  const about = event['involvedObject'] ?? event['regarding'];
  const kind = at(about, 'kind');
  const name = at(about, 'name');
  return `${typeof kind === 'string' ? kind.toLowerCase() : ''}/${typeof name === 'string' ? name : ''}`;
}

function sourceOf(event: KubeObject): string {
  const source = event['source'] ?? event['deprecatedSource'];
  const parts = [
    at(source, 'component') ?? event['reportingComponent'] ?? event['reportingController'],
    at(source, 'host') ?? event['reportingInstance'],
  ];
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ');
}

function countOf(event: KubeObject): number {
  const count = at(event, 'series', 'count') ?? event['count'] ?? event['deprecatedCount'];
  return typeof count === 'number' ? count : 1;
}

const reference: Schema = {
  type: 'object',
  properties: Object.fromEntries(
    ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((name) => [
      name,
      string,
    ]),
  ),
};
const source: Schema = { type: 'object', properties: { component: string, host: string } };
const series: Schema = { type: 'object', properties: { count: int32, lastObservedTime: time } };
const EVENT_FIELDS = {
  eventTime: describe(time, 'When it was first observed.'),
  series: describe(series, 'Set when the event repeats.'),
  action: describe(string, 'What was done or failed.'),
  reason: describe(string, 'Why, in one word.'),
  related: describe(reference, 'Another object that it is about.'),
  reportingInstance: describe(string, 'Which instance of the controller reports.'),
  type: describe(string, 'Normal or Warning.'),
};
const EVENT_COLUMNS: readonly Column[] = [
  column('Last Seen', (event, now) => age(lastSeen(event), now)),
  column('Type', (event) => event['type']),
  column('Reason', (event) => event['reason']),
  column('Object', aboutWhat),
  column('Subobject', (event) => at(event['involvedObject'] ?? event['regarding'], 'fieldPath') ?? '', 1),
  column('Source', sourceOf, 1),
  column('Message', (event) => event['message'] ?? event['note'] ?? ''),
  column('First Seen', (event, now) => age(firstSeen(event), now), 1),
  column('Count', countOf, 1),
  { ...nameColumn, priority: 1 },
];

export const coreEvents = builtin({
  group: '',
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  columns: EVENT_COLUMNS,
  selectable: {
    ...Object.fromEntries(
      ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((name) => [
        `involvedObject.${name}`,
        (event: KubeObject) => at(event, 'involvedObject', name),
      ]),
    ),
    reason: (event) => event['reason'],
    type: (event) => event['type'],
    reportingComponent: (event) => event['reportingComponent'],
    source: (event) => at(event, 'source', 'component'),
  },
  schema: {
    description: 'Event is a report of an event somewhere in the cluster.',
    required: ['involvedObject'],
    properties: {
      ...EVENT_FIELDS,
      involvedObject: describe(reference, 'The object that it is about.'),
      message: describe(string, 'What happened, for people.'),
      reportingComponent: describe(string, 'Which controller reports.'),
      source,
      firstTimestamp: time,
      lastTimestamp: time,
      count: int32,
    },
  },
  admit: (event) => checkMicroTimes(event, [['eventTime'], ['series', 'lastObservedTime']]),
});

export const currentEvents = builtin({
  group: 'events.k8s.io',
  plural: 'events',
  kind: 'Event',
  shortNames: ['ev'],
  columns: EVENT_COLUMNS,
  bucket: coreEvents.bucket,
  selectable: Object.fromEntries(
    Object.entries(coreEvents.selectable).map(([name, read]) => [
      name.replace(/^involvedObject/, 'regarding'),
      read,
    ]),
  ),
  serve: toCurrentEvent,
  keep: toCoreEvent,
  schema: {
    description: 'Event is a report of an event somewhere in the cluster.',
    properties: {
      ...EVENT_FIELDS,
      regarding: describe(reference, 'The object that it is about.'),
      note: describe(string, 'What happened, for people.'),
      reportingController: describe(string, 'Which controller reports.'),
      deprecatedSource: source,
      deprecatedFirstTimestamp: time,
      deprecatedLastTimestamp: time,
      deprecatedCount: int32,
    },
  },
  admit: (event) => checkMicroTimes(event, [['eventTime'], ['series', 'lastObservedTime']]),
  check: (event, old) => (old === undefined ? checkCurrentEvent(event) : []),
});

function checkCurrentEvent(event: KubeObject): Cause[] {
  const causes: Cause[] = [];
  if (event['eventTime'] === undefined || event['eventTime'] === null)
    causes.push(requiredValue('eventTime'));
  for (const field of ['reportingController', 'reportingInstance', 'action', 'reason']) {
    if (event['eventTime'] !== undefined && !event[field]) causes.push(requiredValue(field));
  }
  if (event['type'] !== 'Normal' && event['type'] !== 'Warning') {
    causes.push(
      invalidValue(
        'type',
        '',
        `has invalid value: ${typeof event['type'] === 'string' ? event['type'] : ''}`,
      ),
    );
  }
  return causes;
}
