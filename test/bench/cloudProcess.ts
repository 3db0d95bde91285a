import { SANDBOX_ACCOUNTS } from '../../src/sandbox/cce/accounts.js';
import { startCce } from '../../src/sandbox/cce/server.js';
import { systemClock } from '../../src/clock.js';
import { serve } from './child.js';
import { MOMENTS, STARTED, scriptOf, type Moment } from './fleet.js';

/** The simulated CCE. Its jobs stand still until the bench says. */
const NO_LIMIT = {
  limit: 1_000_000,
  windowSeconds: 1,
  retryAfter: 'none',
  retryAfterProbability: 1,
} as const;
// All jobs begin at the same fixed time: the wall clock of this cloud stands still. It only matters to signatures.
const clock = { ...systemClock, now: () => STARTED };
/** The second is what the Go twin sends. */
const accounts = { ...SANDBOX_ACCOUNTS, tokens: [{ token: 'sandbox-token' }, { token: 'x' }] };
// As older versions of CCE: every poll is a call, and what is measured of one does not depend on how many there are.
const cce = await startCce({ accounts, clock, speed: 0, rateLimit: NO_LIMIT, listsJobs: false });
let elapsed = 0;

serve({
  url: () => cce.url,
  /** Jobs 0 to `count` - 1; those that are there stay. */
  hold(count: number) {
    // As if they had begun with the others.
    cce.time.advance(-elapsed * 1000);
    for (let index = cce.jobs.list().length; index < count; index += 1) cce.jobs.add(scriptOf(index));
    cce.time.advance(elapsed * 1000);
  },
  /** Moves all jobs to that moment of their lives. */
  moveTo(moment: Moment) {
    cce.time.advance((MOMENTS[moment] - elapsed) * 1000);
    elapsed = MOMENTS[moment];
  },
  /** The requests about jobs so far. */
  calls: () => cce.counters.snapshot().byArea.jobs,
});
