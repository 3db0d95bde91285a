import type { CloudJob } from '../../api/cloudjob.js';
import type { Clock } from '../../clock.js';
import { cleanText } from '../../cloud/text.js';
import type { KubeClient } from '../../kube/client.js';
import { Informer } from '../../kube/informer.js';
import type { KubeObject } from '../../kube/object.js';
import { nothing } from '../../kube/scope.js';
import type { Logger } from '../../ops/log.js';
import { CLOUD_JOBS, trim } from '../../reconcile/cluster.js';
import { outcomeOf, type Outcome } from '../outcome.js';
import { readShown } from '../shown.js';
import type { WatchView } from './views.js';

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

/** How the watch ended. */
export type WatchResult =
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'ended';
      readonly outcomes: readonly (readonly [cloudJob: CloudJob, outcome: Outcome])[];
    };

interface Followed {
  cloudJob: CloudJob;
  outcome: Outcome;
}

/** How often durations are drawn anew and deadlines looked at. */
const TICK_MS = 1000;
const MAX_PROBLEM = 300;
/** Bookmarks come about every minute; a watch that has been silent for so long is opened anew. */
const STALL_MS = 75_000;
/** After this time without a word of the API server, retries included, nothing can be told of the jobs. */
const SILENCE_MS = 120_000;

/**
 * Follows CloudJobs until it can say of each how its job came out, or that it cannot tell. One watch for each, of that
 * object alone: whoever may read a single CloudJob can watch it.
 *
 * @param first as they were when the watch began
 */
export async function watchUntilSettled(
  first: readonly CloudJob[],
  { client, clock, random, view, timeoutMs, signal }: WatchOptions,
): Promise<WatchResult> {
  const followed = first.map((cloudJob): Followed => ({ cloudJob, outcome: outcomeOf(cloudJob) }));
  const end = new AbortController();
  const began = clock.monotonic();
  let trouble: { readonly text: string; readonly at: number } | undefined;

  const informers = followed.map((entry) => {
    const take = (object: KubeObject): void => {
      entry.cloudJob = readShown(object);
      entry.outcome = outcomeOf(entry.cloudJob);
      look();
    };
    const { namespace, name } = entry.cloudJob.metadata;
    return new Informer({
      client,
      type: CLOUD_JOBS,
      namespaces: [namespace],
      fieldSelector: `metadata.name=${name}`,
      trim,
      handler: {
        added: take,
        modified: take,
        deleted() {
          // A finished one may be deleted at any time; its outcome is known.
          if (entry.outcome.kind === 'pending') entry.outcome = { kind: 'unknown', why: 'it was deleted' };
          look();
        },
      },
      clock,
      random,
      logger: noteInterruptions((problem) => {
        const text = `The watch was interrupted, trying again: ${problem}`;
        trouble = { text, at: clock.monotonic() };
        look();
      }),
      timings: { stallMs: STALL_MS },
    });
  });

  /** Shows where things stand, and ends the watch when there is nothing to wait for. */
  function look(): void {
    if (end.signal.aborted) return;
    giveUpLate();
    if (trouble !== undefined && lastWord() > trouble.at) trouble = undefined;
    view.show(
      followed.map(({ cloudJob }) => cloudJob),
      trouble?.text,
    );
    if (signal.aborted || followed.every(({ outcome }) => outcome.kind !== 'pending')) end.abort();
  }

  /** When the quietest of the watches last heard from the API server. */
  function lastWord(): number {
    return Math.min(...informers.map(({ lastActivity }) => lastActivity));
  }

  function giveUpLate(): void {
    const now = clock.monotonic();
    for (const [index, entry] of followed.entries()) {
      if (entry.outcome.kind !== 'pending') continue;
      const silentMs = now - Math.max(began, informers[index]?.lastActivity ?? began);
      if (now - began >= timeoutMs) {
        entry.outcome = { kind: 'unknown', why: 'the job has not ended within --timeout' };
      } else if (silentMs >= SILENCE_MS) {
        entry.outcome = {
          kind: 'unknown',
          why: `the API server has been silent. ${trouble?.text ?? ''}`.trim(),
        };
      }
    }
  }

  let cancelTick = nothing;
  function tick(): void {
    look();
    if (!end.signal.aborted) cancelTick = clock.schedule(TICK_MS, tick);
  }

  signal.addEventListener('abort', look, { once: true });
  try {
    tick();
    await Promise.all(informers.map((informer) => informer.run(end.signal)));
  } finally {
    signal.removeEventListener('abort', look);
    end.abort();
    cancelTick();
    view.end();
  }
  if (followed.some(({ outcome }) => outcome.kind === 'pending')) return { kind: 'interrupted' };
  return { kind: 'ended', outcomes: followed.map(({ cloudJob, outcome }) => [cloudJob, outcome]) };
}

/** The reflector tells of failures in its log. */
function noteInterruptions(tell: (problem: string) => void): Logger {
  return {
    debug: nothing,
    info: nothing,
    warn: (_, fields) =>
      tell(typeof fields?.['error'] === 'string' ? cleanText(fields['error'], MAX_PROBLEM) : 'unknown'),
    error: nothing,
  };
}
