import { MAX_EXTEND_PARAMS, MAX_TEXT_LENGTH, MAX_WORD_LENGTH } from '../api/cloudjob.js';
import { withoutUndefined } from '../fields.js';
import { isRecord } from '../json.js';
import { cleanText } from '../text.js';
import { parseAnswer } from './answerJSON.js';
import { readTime } from './time.js';

/** A cloud job as the operator understands it; every field that the cloud may leave out is optional. */
export interface Job {
  /** `metadata.uid`. */
  readonly id?: string;
  readonly type?: string;
  readonly clusterUID?: string;
  readonly resourceID?: string;
  readonly resourceName?: string;
  readonly extendParam: Readonly<Record<string, string>>;
  /** Verbatim from the cloud; absent on jobs without a status. */
  readonly phase?: string;
  readonly reason?: string;
  /** RFC 3339 in UTC, whole seconds; absent when the cloud sends no valid time. */
  readonly startTime?: string;
  readonly updateTime?: string;
  readonly completionTime?: string;
  readonly subJobs: readonly Job[];
}

export type ReadJob =
  { readonly kind: 'job'; readonly job: Job } | { readonly kind: 'notAJob'; readonly problem: string };

/** Real jobs have three levels; deeper ones than this are left out. */
const MAX_LEVELS = 16;
/** Sub-jobs of all levels; more are left out. */
const MAX_NODES = 2000;
/** Where an `extendParam` that is a text, and not one of a JSON object, is kept. */
const TEXT_PARAM = 'value';
const ERROR_FIELDS = ['errorCode', 'error_code', 'errorMessage', 'error_msg', 'error'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the answer of CCE's "reading job progress" (API reference cce_02_0247), in the v3 form and in the v2 form
 * (keys in lower case, `status.status` for the phase). Single fields of a wrong type are left out. Never throws.
 *
 * An object with a phase is a job. Without a phase it is a job if it has `kind: Job` or a `metadata.uid`: the cloud sometimes
 * leaves out the status, and a job without a phase counts as unfinished. An object of another kind, or with an error and
 * no phase, is not a job.
 */
export function readJob(body: unknown): ReadJob {
  if (!isRecord(body)) return { kind: 'notAJob', problem: 'it is no JSON object' };
  const kind = text(body, 'kind', MAX_WORD_LENGTH);
  if (kind !== undefined && kind.toLowerCase() !== 'job') {
    return { kind: 'notAJob', problem: `its kind is "${kind}"` };
  }
  const job = readNode(body, 0, { left: MAX_NODES });
  if (job.phase !== undefined) return { kind: 'job', job };
  if (ERROR_FIELDS.some((name) => Object.hasOwn(body, name))) {
    return { kind: 'notAJob', problem: 'it is an error' };
  }
  if (kind === undefined && job.id === undefined) {
    return { kind: 'notAJob', problem: 'it has neither a phase nor an ID' };
  }
  return { kind: 'job', job };
}

function readNode(fields: Fields, level: number, nodes: { left: number }): Job {
  const metadata = object(fields, 'metadata');
  const spec = object(fields, 'spec');
  const status = object(fields, 'status');
  return withoutUndefined({
    id: text(metadata, 'uid', MAX_WORD_LENGTH),
    type: text(spec, 'type', MAX_WORD_LENGTH),
    clusterUID: text(spec, 'clusterUID', MAX_WORD_LENGTH),
    resourceID: text(spec, 'resourceID', MAX_WORD_LENGTH),
    resourceName: text(spec, 'resourceName', MAX_WORD_LENGTH),
    extendParam: readParams(field(spec, 'extendParam')),
    phase: text(status, 'phase', MAX_WORD_LENGTH) ?? text(status, 'status', MAX_WORD_LENGTH),
    // Some releases put the cause into an undocumented `message` and leave the reason empty.
    reason:
      text(status, 'reason', MAX_TEXT_LENGTH, 'middle') ?? text(status, 'message', MAX_TEXT_LENGTH, 'middle'),
    startTime: time(metadata, 'creationTimestamp'),
    updateTime: time(metadata, 'updateTimestamp'),
    completionTime: time(status, 'completionTime'),
    subJobs: readSubJobs(field(spec, 'subJobs'), level + 1, nodes),
  });
}

/** The documentation has an object, but the cloud sends a list; for a job without sub-jobs it sends none. */
function readSubJobs(value: unknown, level: number, nodes: { left: number }): Job[] {
  if (level > MAX_LEVELS) return [];
  const jobs: Job[] = [];
  for (const entry of Array.isArray(value) ? value : [value]) {
    if (nodes.left === 0) break;
    if (!isRecord(entry)) continue;
    nodes.left -= 1;
    jobs.push(readNode(entry, level, nodes));
  }
  return jobs;
}

/** An object, or its JSON as a text; any other text is kept whole under `value`. */
function readParams(value: unknown): Record<string, string> {
  if (typeof value === 'string') {
    const parsed = parseAnswer(value);
    return readParams(isRecord(parsed) ? parsed : value.trim() === '' ? {} : { [TEXT_PARAM]: value });
  }
  if (!isRecord(value)) return {};
  const params: [string, string][] = [];
  // Sorted by name: the cloud's order may differ each time.
  for (const [name, entry] of Object.entries(value).toSorted(byName)) {
    if (params.length === MAX_EXTEND_PARAMS) break;
    const param = paramText(entry);
    const key = cleanText(name, MAX_WORD_LENGTH);
    // A JavaScript object cannot have a field of that name: it would be lost when the status is read again.
    if (key === '__proto__') continue;
    if (param !== undefined && key !== '') params.push([key, cleanText(param, MAX_TEXT_LENGTH)]);
  }
  return Object.fromEntries(params);
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function paramText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? undefined : stringifyJSON(value);
    default:
      return undefined;
  }
}

function stringifyJSON(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deeply, or in a circle.
    return undefined;
  }
}

/** A field by its v3 name, else by its v2 name. */
function field(fields: Fields, name: string): unknown {
  for (const spelling of [name, name.toLowerCase()]) {
    if (Object.hasOwn(fields, spelling)) return fields[spelling];
  }
  return undefined;
}

function object(fields: Fields, name: string): Fields {
  const value = field(fields, name);
  return isRecord(value) ? value : {};
}

/** Undefined also when nothing is left of the text. */
function text(
  fields: Fields,
  name: string,
  maxLength: number,
  cut: 'end' | 'middle' = 'end',
): string | undefined {
  const value = field(fields, name);
  if (typeof value !== 'string') return undefined;
  const cleaned = cleanText(value, maxLength, cut);
  return cleaned === '' ? undefined : cleaned;
}

function time(fields: Fields, name: string): string | undefined {
  return readTime(field(fields, name));
}
