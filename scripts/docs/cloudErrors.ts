import { readCloudJob, type CloudJob } from '../../src/api/cloudjob.js';
import { findCondition } from '../../src/api/conditions.js';
import type { CloudErrorClass } from '../../src/cloud/errors.js';
import { REACTIONS, type Reaction } from '../../src/cloud/reactions.js';
import { decide } from '../../src/reconcile/decide.js';
import type { Observation } from '../../src/cloud/observation.js';
import { markdownTable } from './table.js';

const CREATED = Date.parse('2026-01-01T00:00:00Z');
const MINUTE_MS = 60_000;
const BUDGET: Readonly<Record<Reaction['budget'], string>> = {
  goOn: '–',
  pause: 'pauses for `Retry-After`, if there is one',
  slowDown: 'pauses for `Retry-After`, else about 60 s; then half the rate',
};
const BREAKER: Readonly<Record<Reaction['breaker'], string>> = {
  none: '–',
  scope: 'credential in its project, then project, then region (5xx and no answer)',
  credential: 'credential',
};

/** The table of reactions, without the conditions. */
export function cloudErrors(): string {
  return markdownTable(
    ['Class', 'When', 'Polled again after', 'Budget', 'Breaker'],
    Object.entries(REACTIONS).map(([name, { when, retry, budget, breaker }]) => [
      `\`${name}\``,
      when,
      `${retry.firstSeconds} s, doubling up to ${retry.lastSeconds} s`,
      BUDGET[budget],
      BREAKER[breaker],
    ]),
  );
}

/** What the classes do to the conditions, as `decide` makes them. */
export function cloudErrorConditions(): string {
  const classes = Object.keys(REACTIONS) as CloudErrorClass[];
  const seen = take(FRESH, { kind: 'job', job: { extendParam: {}, subJobs: [], phase: 'Running' } }, 1);
  return markdownTable(
    ['Class', 'Reason', 'At once', 'After the deadline'],
    [
      ...classes.map((errorClass) => row(errorClass, `\`${errorClass}\``, seen)),
      row('notFound', '`notFound`, of a job that was never observed', take(FRESH, { kind: 'nothing' }, 0)),
    ],
  );
}

function row(errorClass: CloudErrorClass, title: string, before: CloudJob): string[] {
  const failure: Observation = { kind: 'error', error: { class: errorClass, message: 'x' } };
  const first = take(before, failure, 1);
  const late = take(first, failure, 15);
  const reason = findCondition(late.status.conditions, 'Synced')?.reason ?? '';
  return [title, `\`${reason}\``, describe(before, first), describe(first, late)];
}

const FRESH = readCloudJob({
  metadata: {
    name: 'x',
    namespace: 'x',
    uid: 'x',
    generation: 1,
    resourceVersion: '1',
    creationTimestamp: new Date(CREATED).toISOString(),
  },
  spec: { jobID: 'x', projectID: 'x', region: 'x', credentialsRef: { name: 'x' } },
});

/** The object after a pass so many minutes after its creation. */
function take(object: CloudJob, observation: Observation, minute: number): CloudJob {
  const history = { unobservedMs: observation.kind === 'error' ? (minute - 1) * MINUTE_MS : 0 };
  return { ...object, status: decide(object, observation, CREATED + minute * MINUTE_MS, history).status };
}

/** The conditions that are different now; `Reconciling` and `Stalled` exist only while True. */
function describe(before: CloudJob, after: CloudJob): string {
  const was = new Set(conditionsOf(before));
  const is = conditionsOf(after);
  return is.every((condition) => was.has(condition))
    ? 'unchanged'
    : is.map((text) => text.split('/')[0]).join(', ');
}

function conditionsOf({ status }: CloudJob): string[] {
  return (status.conditions ?? []).map(({ type, status: is, reason }) => `\`${type}=${is}\`/${reason}`);
}
