import { CLOUD_JOBS, type CloudJob } from '../../api/cloudjob.js';
import type { Clock } from '../../clock.js';
import { errorText } from '../../errorText.js';
import { cleanText } from '../../text.js';
import type { KubeClient } from '../../kube/client.js';
import { Informer } from '../../kube/informer.js';
import { objectKey, type KubeObject } from '../../kube/object.js';
import type { Logger } from '../../ops/log.js';
import { outcomeOf, type Outcome } from '../outcome.js';
import { readShown } from '../shown.js';
import type { WatchView } from './views.js';
import { nothing, onAbort } from '../../signals.js';

export interface WatchOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly view: WatchView;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The end of the watch. */
export type WatchResult =
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'ended';
      readonly outcomes: readonly (readonly [cloudJob: CloudJob, outcome: Outcome])[];
    };

interface Followed {
  cloudJob: CloudJob;
  outcome: Outcome;
  /** Why its lists and watches fail; undefined while they work. */
  trouble: Trouble | undefined;
}

interface Trouble {
  readonly text: string;
  /** The first and the last failure in a row, in monotonic milliseconds. */
  readonly since: number;
  readonly at: number;
}

/** How often durations are redrawn and deadlines checked. */
const TICK_MS = 1000;
const MAX_PROBLEM = 300;
/** Bookmarks come about every minute; a watch that is silent for this time is opened again. */
const STALL_MS = 75_000;
/** After failures of the API server for this time, the state of the jobs is unknown. */
const TROUBLE_MS = 120_000;

/**
 * Follows CloudJobs until the outcome of each is known, or is known to stay open. Each has a watch of its own, so the
 * right to read a single CloudJob is enough.
 *
 * @param first the CloudJobs at the start of the watch
 */
export async function watchUntilSettled(
  first: readonly CloudJob[],
  { client, clock, random, view, timeoutMs, signal }: WatchOptions,
): Promise<WatchResult> {
  const followed = first.map((cloudJob): Followed => ({
    cloudJob,
    outcome: outcomeOf(cloudJob),
    trouble: undefined,
  }));
  const end = new AbortController();
  const began = clock.monotonic();

  const informers = followed.map((entry) => {
    const take = (object: KubeObject): void => {
      entry.cloudJob = readShown(object);
      entry.outcome = outcomeOf(entry.cloudJob);
      update();
    };
    const { namespace, name } = entry.cloudJob.metadata;
    return new Informer({
      client,
      type: CLOUD_JOBS,
      namespaces: [namespace],
      fieldSelector: `metadata.name=${name}`,
      trim: (object) => object,
      handler: {
        added: take,
        modified: take,
        deleted: () => update(),
      },
      clock,
      random,
      logger: SILENT,
      timings: { stallMs: STALL_MS },
      onWatchEnd: (why, error) => {
        // The other ends are normal for a watch, and it is reopened at once.
        if (why !== 'failed') return;
        const at = clock.monotonic();
        entry.trouble = { text: interruptionText(error), since: entry.trouble?.since ?? at, at };
        update();
      },
    });
  });

  /** Shows the current state, and ends the watch when there is nothing to wait for. */
  function update(): void {
    if (end.signal.aborted) return;
    for (const [index, entry] of followed.entries()) {
      // A failure counts as activity too: any later activity is a success.
      const lastActivity = informers[index]?.lastActivity ?? began;
      if (entry.trouble !== undefined && lastActivity > entry.trouble.at) entry.trouble = undefined;
      if (entry.outcome.kind !== 'pending') continue;
      const why = whyToGiveUp(entry, informers[index]);
      if (why !== undefined) entry.outcome = { kind: 'unknown', why };
    }
    view.show(
      followed.map(({ cloudJob }) => cloudJob),
      followed.find(({ trouble }) => trouble !== undefined)?.trouble?.text,
    );
    if (signal.aborted || followed.every(({ outcome }) => outcome.kind !== 'pending')) end.abort();
  }

  function whyToGiveUp(
    { cloudJob, trouble }: Followed,
    informer: Informer<KubeObject> | undefined,
  ): string | undefined {
    const now = clock.monotonic();
    // From the store, not from an event: it may have been deleted before the watch was open.
    if (informer?.synced === true && informer.get(objectKey(cloudJob.metadata)) === undefined) {
      return 'it was deleted';
    }
    if (now - began >= timeoutMs) return 'the job has not ended within --timeout';
    if (trouble !== undefined && now - trouble.since >= TROUBLE_MS) {
      return `the API server does not answer. ${trouble.text}`;
    }
    return undefined;
  }

  let cancelTick = nothing;
  function tick(): void {
    update();
    if (!end.signal.aborted) cancelTick = clock.schedule(TICK_MS, tick);
  }

  const unlisten = onAbort(signal, update);
  try {
    tick();
    await Promise.all(informers.map((informer) => informer.run(end.signal)));
  } finally {
    unlisten();
    end.abort();
    cancelTick();
    view.end();
  }
  if (followed.some(({ outcome }) => outcome.kind === 'pending')) return { kind: 'interrupted' };
  return { kind: 'ended', outcomes: followed.map(({ cloudJob, outcome }) => [cloudJob, outcome]) };
}

/** Drops the reflector's log: a person at a terminal sees the view. */
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function interruptionText(error: unknown): string {
  return `The watch was interrupted, trying again: ${cleanText(errorText(error), MAX_PROBLEM)}`;
}
