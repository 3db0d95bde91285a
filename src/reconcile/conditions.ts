import {
  CONDITION_TYPES,
  findCondition,
  type Condition,
  type ConditionStatus,
  type ConditionType,
  type Reason,
  type WantedCondition,
} from '../api/conditions.js';
import type { CloudJobSpec } from '../api/cloudjob.js';
import type { JobState } from './jobState.js';

/** One cell: a status and its reason, or `keep`: the condition as before. */
type Cell = readonly [ConditionStatus, Reason] | 'keep';
type Row = Partial<Record<ConditionType, Cell>>;

/** The message of Synced=True. */
const JOB_READ = 'The job is read from the cloud.';

/**
 * The conditions of every state. A condition that a row leaves out is absent. `Reconciling` and `Stalled` are either True
 * or absent, and never both True, because GitOps tools (kstatus) use the first of the two that they find.
 */
function rowFor(state: Exclude<JobState, { kind: 'asBefore' }>, observedIsReady: boolean): Row {
  switch (state.kind) {
    case 'waiting':
      return {
        Ready: ['Unknown', 'WaitingForCloud'],
        Succeeded: ['Unknown', 'WaitingForCloud'],
        Synced: ['Unknown', 'WaitingForCloud'],
        Reconciling: ['True', 'WaitingForCloud'],
      };
    case 'initializing':
      return unfinished('JobInitializing', 'JobRead', observedIsReady);
    case 'running':
      return unfinished('JobRunning', 'JobRead', observedIsReady);
    case 'unknownPhase':
      return unfinished('UnknownPhase', 'UnknownPhase', observedIsReady);
    case 'unknownPhaseOverdue':
      return observedIsReady
        ? unfinished('UnknownPhase', 'UnknownPhase', observedIsReady)
        : { ...stalled(['Unknown', 'UnknownPhase'], 'UnknownPhase'), Synced: ['True', 'UnknownPhase'] };
    case 'succeeded':
      return {
        Ready: ['True', 'JobSucceeded'],
        Succeeded: ['True', 'JobSucceeded'],
        Finished: ['True', 'JobSucceeded'],
        Synced: ['True', 'JobRead'],
      };
    case 'failed':
      return {
        Ready: [observedIsReady ? 'True' : 'False', 'JobFailed'],
        Succeeded: ['False', 'JobFailed'],
        Finished: ['True', 'JobFailed'],
        Synced: ['True', state.hasUnreadCauses ? 'CausesUnread' : 'JobRead'],
        ...(observedIsReady ? {} : { Stalled: ['True', 'JobFailed'] }),
      };
    case 'deadlineExceeded':
      return {
        Ready: ['False', 'DeadlineExceeded'],
        Succeeded: ['Unknown', 'DeadlineExceeded'],
        Synced: ['True', 'JobRead'],
        Stalled: ['True', 'DeadlineExceeded'],
      };
    case 'jobNotFoundYet':
    case 'refused':
      return {
        Ready: ['Unknown', state.failure.reason],
        Succeeded: ['Unknown', state.failure.reason],
        Synced: ['False', state.failure.reason],
        Reconciling: ['True', state.failure.reason],
      };
    case 'jobNotFound':
    case 'jobVanished':
      return stalled(['Unknown', state.failure.reason], state.failure.reason);
    case 'overdue':
      return stalled('keep', state.failure.reason);
    case 'invalidSpec':
      return {
        Ready: ['False', 'InvalidSpec'],
        Succeeded: ['Unknown', 'InvalidSpec'],
        Synced: ['Unknown', 'InvalidSpec'],
        Stalled: ['True', 'InvalidSpec'],
      };
    case 'suspended':
      return { Ready: ['Unknown', 'Suspended'], Succeeded: 'keep', Synced: 'keep' };
  }
}

function unfinished(reason: Reason, syncedReason: Reason, observedIsReady: boolean): Row {
  return {
    Ready: observedIsReady ? ['True', 'JobObserved'] : ['Unknown', reason],
    Succeeded: ['Unknown', reason],
    Synced: ['True', syncedReason],
    ...(observedIsReady ? {} : { Reconciling: ['True', reason] }),
  };
}

function stalled(succeeded: Cell, reason: Reason): Row {
  return {
    Ready: ['False', reason],
    Succeeded: succeeded,
    Synced: ['False', reason],
    Stalled: ['True', reason],
  };
}

/**
 * The conditions of a CloudJob in this state.
 *
 * @param message their sentence for people
 */
export function conditionsFor(
  state: JobState,
  previous: readonly Condition[],
  spec: Partial<Pick<CloudJobSpec, 'readyWhen' | 'suspend'>>,
  message: string,
): WantedCondition[] {
  if (state.kind === 'asBefore') {
    return withSettled(CONDITION_TYPES.flatMap((type) => keep(previous, type) ?? []));
  }

  const row = rowFor(state, spec.readyWhen === 'Observed');
  const wanted = CONDITION_TYPES.flatMap((type): readonly WantedCondition[] => {
    const cell = row[type];
    if (cell === undefined) return [];
    if (cell === 'keep') {
      return [keep(previous, type) ?? { type, status: 'Unknown', reason: 'WaitingForCloud', message }];
    }
    const [status, reason] = cell;
    return [{ type, status, reason, message: reason === 'JobRead' ? JOB_READ : message }];
  });
  if (spec.suspend === true) {
    wanted.push({
      type: 'Suspended',
      status: 'True',
      reason: 'Suspended',
      message: 'The job is not polled while spec.suspend is true.',
    });
  }
  return withSettled(wanted);
}

/** `Settled` is True while Ready or Stalled is True, else absent: every wait can end on this one condition. */
function withSettled(wanted: readonly WantedCondition[]): WantedCondition[] {
  const others = wanted.filter(({ type }) => type !== 'Settled');
  const cause = others.find(
    ({ type, status }) => (type === 'Ready' || type === 'Stalled') && status === 'True',
  );
  return cause === undefined ? others : [...others, { ...cause, type: 'Settled' }];
}

function keep(previous: readonly Condition[], type: ConditionType): WantedCondition | undefined {
  const condition = findCondition(previous, type);
  return condition === undefined ? undefined : { ...condition, type };
}
