import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiProxy } from '../support/apiProxy.js';
import { reports, type JobScript } from '../support/jobs.js';
import type { Status } from '../support/kubeClient.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { chance, chaosRuns } from '../support/seed.js';
import { realKubeconfig } from '../support/skips.js';
import { has, tokenOf, World, type Ref } from '../support/world.js';

/**
 * One crash point in this many is tried, chosen by the seed; all of them when the tests may run six times as long. A
 * real API server is slower, and has half as many.
 */
const EVERY = chaosRuns >= 6 ? 1 : Math.round((realKubeconfig === undefined ? 6 : 12) / chaosRuns);
/** Runs at a time; they mostly wait. */
const TOGETHER = 4;
const REJECTED = { status: 401, body: { error_code: 'APIGW.0301', error_msg: 'verify token failed' } };
const REGEX_OF_NAMESPACE = /test-[0-9a-f]{10}/;

let world: World;
const runs = new Map<string, Run>();
beforeAll(async () => {
  world = await World.start();
  world.cloud.deliver = ({ path }) =>
    runs.get(REGEX_OF_NAMESPACE.exec(path)?.[0] ?? '')?.mayGoOn(`asks the cloud ${path}`) ?? true;
}, 90_000);
afterAll(async () => {
  await world?.stop();
  await Promise.all([...runs.values()].map((run) => run.door.stop()));
}, 60_000);

/** An operator that is killed once, when the call of that number was carried out and is not answered yet. */
class Run {
  calls = 0;
  /** The last call before it was killed. */
  killedAfter = 'nothing';
  #operator: OperatorProcess;
  #restarted = Promise.resolve();
  #isOver = false;

  private constructor(
    readonly namespace: string,
    readonly door: ApiProxy,
    private readonly killAt: number,
  ) {
    door.deliver = ({ method, path }) => this.mayGoOn(`${method} ${path}`);
    this.#operator = this.#launch();
  }

  static async start(killAt: number): Promise<Run> {
    const namespace = await world.namespace();
    const run = new Run(namespace, await ApiProxy.start(world.upstream), killAt);
    runs.set(namespace, run);
    return run;
  }

  /** Counts a call; false: whoever made it is dead. */
  mayGoOn(call: string): boolean {
    this.calls += 1;
    if (this.calls !== this.killAt || this.#isOver) return true;
    this.killedAfter = call;
    this.#restarted = this.#restart();
    return false;
  }

  async #restart(): Promise<void> {
    await this.#operator.kill9();
    this.#operator = this.#launch();
  }

  /** Ends the operator, once it has seen what it left behind if it was killed. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#restarted;
    await this.#operator.working();
    await this.#operator.stop();
  }

  #launch(): OperatorProcess {
    return world.launch({ door: this.door.port, namespaces: [this.namespace] });
  }
}

interface Outcome {
  readonly phases: readonly (string | undefined)[];
  readonly events: readonly string[];
  readonly status: object;
}

/** What became of the object, without times. */
async function outcomeOf(ref: Ref): Promise<Outcome> {
  const { status: { conditions = [], ...rest } = {} } = await world.get(ref);
  const phases = world.versions(ref).map(({ status }) => status?.phase);
  return {
    phases: phases.filter((phase, index) => phase !== undefined && phase !== phases[index - 1]),
    // Those of one pass have no order.
    events: (await world.events(ref)).toSorted(),
    status: {
      ...rest,
      conditions: conditions.map(({ lastTransitionTime: _, ...condition }) => condition),
    },
  };
}

/** Three jobs from beginning to end; what became of each. */
async function play(run: Run): Promise<Readonly<Record<string, Outcome>>> {
  const { namespace } = run;
  const refOf = (what: string): Ref => ({ namespace, name: `${what}-${namespace}` });
  const say = (what: string, job: Omit<JobScript, 'uid'>): void => {
    const { name } = refOf(what);
    world.cloud.answer(name, reports({ uid: name, ...job }));
  };
  const until = (what: string, wanted: (status: Status) => boolean): Promise<unknown> =>
    world.untilStatus(refOf(what), `goes on (killed after ${run.killedAfter})`, wanted, 60_000);
  const node = (phase: string): JobScript => ({ uid: 'node', type: 'CreateNode', phase, reason: 'as it is' });

  say('good', { phase: 'Initializing' });
  say('bad', { phase: 'Running', subJobs: [node('Running')] });
  say('rotated', { phase: 'Running' });
  for (const what of ['good', 'bad', 'rotated']) await world.follow(namespace, refOf(what).name);
  await until('good', ({ phase }) => phase === 'Initializing');
  await until('bad', ({ phase }) => phase === 'Running');
  await until('rotated', ({ phase }) => phase === 'Running');

  say('good', { phase: 'Running' });
  say('bad', { phase: 'Running', subJobs: [node('Failed')] });
  world.cloud.answer(refOf('rotated').name, REJECTED);
  await until('good', ({ phase }) => phase === 'Running');
  await until('bad', (status) => JSON.stringify(status).includes('"failed":1'));
  await until('rotated', (status) => has(status, 'Synced', 'False', 'CredentialsRejected'));

  await world.putSecret(namespace, { token: `${tokenOf(namespace)}-rotated` });
  say('good', { phase: 'Success' });
  say('bad', { phase: 'Failed', reason: 'sold out', subJobs: [node('Failed')] });
  say('rotated', { phase: 'Success' });
  for (const what of ['good', 'bad', 'rotated'])
    await until(what, (status) => has(status, 'Finished', 'True'));
  await run.stop();

  const outcomes = ['good', 'bad', 'rotated'].map(async (what) => [what, await outcomeOf(refOf(what))]);
  const text = JSON.stringify(Object.fromEntries(await Promise.all(outcomes)));
  return JSON.parse(text.replaceAll(namespace, 'here')) as Readonly<Record<string, Outcome>>;
}

describe('an operator that is killed', () => {
  const { seed, random } = chance();

  it(`after any of its calls ends where it would have ended, and records the same (seed ${seed})`, async () => {
    const undisturbed = await Run.start(Infinity);
    const expected = await play(undisturbed);
    // Close enough together for three of them, wherever the first one is.
    const every = Math.min(EVERY, Math.max(1, Math.floor(undisturbed.calls / 3)));
    const first = Math.floor(random() * every);
    const points = Array.from({ length: undisturbed.calls }, (_, index) => index + 1).filter(
      (point) => point % every === first,
    );
    const total = points.length;

    const outcomes: { point: number; killedAfter: string; outcome: object }[] = [];
    const work = async (): Promise<void> => {
      for (let point = points.shift(); point !== undefined; point = points.shift()) {
        const run = await Run.start(point);
        const outcome = await play(run);
        outcomes.push({ point, killedAfter: run.killedAfter, outcome });
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, work));

    expect(expected['good']?.events).toEqual(['Observed', 'PhaseChanged', 'Succeeded']);
    expect(expected['bad']?.events).toEqual(['Failed', 'Observed', 'SubJobFailed']);
    expect(expected['rotated']?.events).toEqual([
      'CredentialsRejected',
      'Observed',
      'Recovered',
      'Succeeded',
    ]);
    expect(outcomes).toHaveLength(total);
    expect(total).toBeGreaterThan(2);
    for (const outcome of outcomes) expect(outcome).toEqual({ ...outcome, outcome: expected });
  }, 900_000);
});
