import type { Clock } from '../../clock.js';
import type { Accounts } from './accounts.js';
import { Authenticator } from './authentication.js';
import { Counters } from './counters.js';
import { Faults } from './faults.js';
import { Grants } from './grants.js';
import { Iam } from './iam.js';
import type { MetadataOptions } from './iam.js';
import { CloudJobs } from './jobs.js';
import { seededRandom } from './random.js';
import { RateLimiter } from './rateLimit.js';
import type { RateLimit } from './rateLimit.js';
import { CloudTime } from './time.js';

export interface CloudOptions {
  readonly accounts: Accounts;
  readonly clock: Clock;
  /** The seconds of a script that pass in one second. */
  readonly speed: number;
  /** The seed of everything that is random. */
  readonly seed: number;
  readonly rateLimit: RateLimit;
  readonly tokenLifetimeSeconds: number;
  /** Of temporary keys. */
  readonly keyLifetimeSeconds: number;
  readonly metadata: MetadataOptions;
  /** Whether it lists the jobs of a project; older versions of CCE do not. */
  readonly listsJobs: boolean;
}

/** The parts of the simulated cloud behind HTTP; tests and the admin API use them directly. */
export interface SimulatedCloud {
  readonly time: CloudTime;
  readonly jobs: CloudJobs;
  readonly faults: Faults;
  readonly counters: Counters;
  readonly rateLimiter: RateLimiter;
  readonly grants: Grants;
  readonly authenticator: Authenticator;
  readonly iam: Iam;
  readonly listsJobs: boolean;
}

export function makeCloud(options: CloudOptions): SimulatedCloud {
  const time = new CloudTime(options.clock, options.speed);
  const random = (what: string) => seededRandom(`${options.seed}/${what}`);
  const grants = new Grants(options.accounts, time, random('credentials'), {
    token: options.tokenLifetimeSeconds * 1000,
    key: options.keyLifetimeSeconds * 1000,
  });
  return {
    time,
    jobs: new CloudJobs(time),
    faults: new Faults(random('faults')),
    counters: new Counters(time),
    rateLimiter: new RateLimiter(options.rateLimit, time, random('rate limit')),
    grants,
    authenticator: new Authenticator(grants, time),
    iam: new Iam(options.accounts, grants, random('sessions'), options.metadata),
    listsJobs: options.listsJobs,
  };
}
