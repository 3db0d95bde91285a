import { readCloudJob } from '../../../src/api/cloudjob.js';
import { decide } from '../../../src/reconcile/decide.js';
import { NOT_FOUND_GRACE_MS } from '../../../src/reconcile/schedule.js';
import { reports } from '../jobs.js';
import type { KubeObject, Status } from '../kubeClient.js';
import type { Answer } from '../scriptedCloud.js';
import { has, type Ref, type World } from '../world.js';

/** The columns of the guide's table, and whether somebody has to act before there is more to wait for. */
const STATES = {
  'just applied, operator down': 'open',
  'first poll pending': 'open',
  running: 'open',
  succeeded: 'open',
  failed: 'needs somebody',
  'job not found': 'needs somebody',
  'credentials refused': 'needs somebody',
  'cloud unreachable': 'needs somebody',
  suspended: 'open',
  'spec changed after success': 'open',
} as const;

export type State = keyof typeof STATES;
export const STATE_NAMES = Object.keys(STATES) as State[];

/** Troubles that have not lasted for as long as the operator is patient. */
export const EARLY_NAMES = [
  'job not found yet',
  'credentials just refused',
  'cloud just unreachable',
] as const;
export type EarlyState = (typeof EARLY_NAMES)[number];

export interface Recorded {
  readonly ref: Ref;
  readonly object: KubeObject;
}

export function needsSomebody(state: State): boolean {
  return STATES[state] === 'needs somebody';
}

const hangs = (): Answer => ({ instead: 'hang' });
const resets = (): Answer => ({ instead: 'reset' });
const isUnknown = (): undefined => undefined;
const refuses = (): Answer => ({
  status: 401,
  body: { error_msg: 'Incorrect IAM authentication information', error_code: 'APIGW.0301' },
});
const inPhase =
  (phase: string) =>
  (uid: string): Answer =>
    reports({ uid, type: 'CreateCluster', phase });

/** What is refused or unreachable once is overdue soon. */
const IMPATIENT = { observationDeadlineSeconds: 1 };

/**
 * Brings a CloudJob into each state, with the real operator between the API server and the scripted cloud, and ends the
 * operator, so that they stay as they are. The objects are those that the API server then has.
 */
export async function recordStates(world: World): Promise<ReadonlyMap<State | EarlyState, Recorded>> {
  const names = [...STATE_NAMES, ...EARLY_NAMES];
  // A namespace each, and with it a region and credentials: one's trouble is not another's.
  const namespaces = new Map(
    await Promise.all(names.map(async (name) => [name, await world.namespace()] as const)),
  );
  const namespaceOf = (name: State | EarlyState): string => namespaces.get(name) ?? '';
  const refs = new Map<State | EarlyState, Ref>();

  async function reach(
    name: State | EarlyState,
    answer: (jobID: string) => Answer | undefined,
    spec: object,
    wanted: (status: Status) => boolean,
  ): Promise<void> {
    const jobID = name.replaceAll(/\W+/g, '-');
    const scripted = answer(jobID);
    if (scripted !== undefined) world.cloud.answer(jobID, scripted);
    const ref = await world.follow(namespaceOf(name), jobID, spec);
    refs.set(name, ref);
    await world.untilStatus(ref, `is in the state "${name}"`, wanted, 60_000);
  }

  await world.startOperator([...namespaces.values()]);
  await Promise.all([
    reach('first poll pending', hangs, {}, (s) => has(s, 'Ready', 'Unknown', 'WaitingForCloud')),
    reach('running', inPhase('Running'), {}, (s) => has(s, 'Ready', 'Unknown', 'JobRunning')),
    reach('succeeded', inPhase('Success'), {}, (s) => has(s, 'Ready', 'True')),
    reach('failed', inPhase('Failed'), {}, (s) => has(s, 'Stalled', 'True', 'JobFailed')),
    reach('job not found', isUnknown, {}, (s) => has(s, 'Synced', 'False', 'JobNotFound')),
    reach('job not found yet', isUnknown, {}, (s) => has(s, 'Synced', 'False', 'JobNotFound')),
    reach('credentials refused', refuses, IMPATIENT, (s) => has(s, 'Stalled', 'True', 'CredentialsRejected')),
    reach('credentials just refused', refuses, {}, (s) => has(s, 'Synced', 'False', 'CredentialsRejected')),
    reach('cloud unreachable', resets, IMPATIENT, (s) => has(s, 'Stalled', 'True', 'CloudUnavailable')),
    reach('cloud just unreachable', resets, {}, (s) => /cannot be reached/.test(JSON.stringify(s))),
    reach('suspended', inPhase('Running'), { suspend: true }, (s) => has(s, 'Suspended', 'True')),
    reach('spec changed after success', inPhase('Success'), {}, (s) => has(s, 'Ready', 'True')),
  ]);
  await world.stopOperator();

  const applied = await world.follow(namespaceOf('just applied, operator down'), 'just-applied');
  refs.set('just applied, operator down', applied);
  for (const [name, ref] of refs) {
    if (name === 'spec changed after success')
      await world.patch(ref, { spec: { activeDeadlineSeconds: 60 } });
    if (name === 'job not found') await outlastGrace(world, ref);
  }
  const recorded = [...refs].map(
    async ([name, ref]) => [name, { ref, object: await world.get(ref) }] as const,
  );
  return new Map(await Promise.all(recorded));
}

/** Writes what the operator decides when the cloud still does not know the job after the grace time: no test waits for that. */
async function outlastGrace(world: World, ref: Ref): Promise<void> {
  const cloudJob = readCloudJob(await world.get(ref));
  const created = Date.parse(cloudJob.metadata.creationTimestamp);
  const { status } = decide(
    cloudJob,
    { kind: 'error', error: { class: 'notFound', message: 'the job does not exist' } },
    created + NOT_FOUND_GRACE_MS,
    { unobservedMs: NOT_FOUND_GRACE_MS },
  );
  await world.patchStatus(ref, status);
}
