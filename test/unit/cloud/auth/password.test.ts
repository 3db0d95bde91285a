import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failureOf } from '../../../../src/cloud/observation.js';
import { Authenticators } from '../../../../src/cloud/auth/authenticators.js';
import type { AuthHeaders } from '../../../../src/cloud/auth/authenticator.js';
import { readCredentials } from '../../../../src/cloud/credentials.js';
import { createHttp, type Http } from '../../../../src/cloud/http.js';
import { FakeClock } from '../../../support/fakeClock.js';
import { until } from '../../../support/until.js';
import { answerJSON, TestServer } from '../server.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NEVER = new AbortController().signal;
const PASSWORD = 'canary-password-01';

let clock: FakeClock;
let iam: TestServer;
let http: Http;
let authenticators: Authenticators;
let issued: number;

beforeEach(async () => {
  clock = new FakeClock();
  issued = 0;
  iam = await new TestServer((_seen, response) => {
    issued += 1;
    const token = { issued_at: '2020-01-03T09:05:22.701000Z', expires_at: '2020-01-04T09:05:22.701000Z' };
    answerJSON(response, 201, { token }, { 'x-subject-token': `token-${issued}` });
  }).start();
  http = createHttp(clock);
  authenticators = new Authenticators(http, clock, () => 0);
});

afterEach(async () => {
  http.close();
  await iam.stop();
});

function ask({
  username = 'reader',
  password = PASSWORD,
  projectID = 'project-1',
  owner = 'infra',
} = {}): Promise<AuthHeaders> {
  const data = { username, password, domainName: 'OTC-1' };
  const encoded = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value).toString('base64')] as const,
  );
  const read = readCredentials(Object.fromEntries(encoded));
  if (!read.ok) throw new Error(read.message);
  const request = { method: 'GET', url: new URL('https://cce.example/'), projectID, iam: iam.url } as const;
  return authenticators.of(read.credentials, owner).headers(request, NEVER);
}

/** IAM takes this password alone. */
function takeOnly(password: string): void {
  iam.respondWith((seen, response) =>
    seen.body.includes(`"${password}"`)
      ? answerJSON(response, 201, {}, { 'x-subject-token': 'good' })
      : answerJSON(response, 401, { error: { code: 401, message: 'wrong', title: 'Unauthorized' } }),
  );
}

async function tokenOf(asked: Promise<AuthHeaders>): Promise<string | undefined> {
  const answer = await asked;
  return answer.ok ? answer.headers['X-Auth-Token'] : undefined;
}

describe('a user name and password', () => {
  it('are exchanged for a token of the project', async () => {
    expect(await tokenOf(ask())).toBe('token-1');
    expect(iam.seen).toHaveLength(1);
    expect(iam.seen[0]).toMatchObject({ method: 'POST', path: '/v3/auth/tokens?nocatalog=true' });
    expect(JSON.parse(iam.seen[0]?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { domain: { name: 'OTC-1' }, name: 'reader', password: PASSWORD } },
        },
        scope: { project: { id: 'project-1' } },
      },
    });
  });

  it('are exchanged once, even if many request it at the same time and later', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(ask())));

    expect(new Set(tokens)).toEqual(new Set(['token-1']));
    expect(await tokenOf(ask())).toBe('token-1');
    expect(issued).toBe(1);
  });

  it('have a token for each project and each password', async () => {
    expect(await tokenOf(ask())).toBe('token-1');
    expect(await tokenOf(ask({ projectID: 'project-2' }))).toBe('token-2');
    expect(await tokenOf(ask({ password: 'rotated-password' }))).toBe('token-3');
  });

  it('get a new token before the old one ends, and nobody waits for it', async () => {
    await ask();
    await clock.advance(20 * HOUR);
    expect(await tokenOf(ask())).toBe('token-1');
    expect(issued).toBe(1);

    await clock.advance(HOUR);
    expect(await tokenOf(ask())).toBe('token-1');
    await until('the new token', async () => (await tokenOf(ask())) === 'token-2');
    await clock.advance(4 * HOUR);

    expect(await tokenOf(ask())).toBe('token-2');
    expect(issued).toBe(2);
  });

  it('go on with the old token when the renewal fails', async () => {
    await ask();
    iam.respondWith((_seen, response) => answerJSON(response, 503, {}));
    await clock.advance(22 * HOUR);

    expect(await tokenOf(ask())).toBe('token-1');
    await iam.arrivals(2);
    expect(await tokenOf(ask())).toBe('token-1');
  });

  it('get a new token at once when the cloud rejects one that is not brand-new', async () => {
    const first = await ask();
    await clock.advance(5 * MINUTE);

    expect(first.ok && first.rejected()).toBe(true);
    expect(await tokenOf(ask())).toBe('token-2');
    // Others had sent the same old token.
    expect(first.ok && first.rejected()).toBe(true);
    expect(issued).toBe(2);
  });

  it('are not exchanged again and again when the cloud rejects brand-new tokens', async () => {
    const first = await ask();

    expect(first.ok && first.rejected()).toBe(false);
    expect(await tokenOf(ask())).toBe('token-1');
  });

  it('are not tried again within the time in which wrong ones lock the user', async () => {
    iam.respondWith((_seen, response) =>
      answerJSON(response, 401, {
        error: { code: 401, message: 'The username or password is wrong.', title: 'Unauthorized' },
      }),
    );

    const answers = [];
    for (let minute = 0; minute < 15; minute += 1) {
      answers.push(await ask());
      await clock.advance(MINUTE - 1);
    }

    expect(iam.seen).toHaveLength(1);
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ok: false,
        error: { class: 'unauthorized', message: 'IAM: The username or password is wrong' },
      });
    }
  });

  it('work at once when they are changed after having been wrong', async () => {
    iam.respondWith((seen, response) =>
      seen.body.includes('right-password')
        ? answerJSON(response, 201, {}, { 'x-subject-token': 'good' })
        : answerJSON(response, 401, { error_code: 'IAM.0001', error_msg: 'no' }),
    );

    expect(await tokenOf(ask())).toBeUndefined();
    expect(await tokenOf(ask({ password: 'right-password' }))).toBe('good');
  });

  it.each([
    ['a failure', 500, {}, 'transient'],
    ['throttling', 429, { error_code: 'APIGW.0308', error_msg: 'x' }, 'throttled'],
    ['a bad request', 400, { error: { code: 400, message: 'x', title: 'Bad Request' } }, 'misconfigured'],
    ['no permission', 403, { error_code: 'IAM.0003', error_msg: 'x' }, 'misconfigured'],
    ['another service', 404, { error: { code: 404, message: 'x', title: 'Not Found' } }, 'misconfigured'],
    ['a page', 404, '<html>', 'transient'],
    ['no token', 201, {}, 'malformed'],
    ['an error in place of a token', 200, { error_code: 'IAM.0001', error_msg: 'x' }, 'malformed'],
  ])('tell of %s of IAM by its class', async (_name, status, body, errorClass) => {
    iam.respondWith((_seen, response) => answerJSON(response, status, body));

    expect(await ask()).toMatchObject({
      ok: false,
      error: { class: errorClass, message: expect.stringMatching(/^IAM: /) },
    });
  });

  it.each([400, 403, 404])(
    'are refused by IAM with %s: it says what to check there, and not at CCE',
    async (status) => {
      iam.respondWith((_seen, response) =>
        answerJSON(response, status, { error_code: 'IAM.0002', error_msg: 'no' }),
      );

      const refused = await ask();

      if (refused.ok) throw new Error('it has a token');
      expect(failureOf({ kind: 'error', error: refused.error })).toMatchObject({
        reason: 'CloudMisconfigured',
        message:
          "IAM gives no token; check the region's iam address, and the user or identity provider and its access to the project (IAM.0002: IAM: no)",
      });
    },
  );

  it('wait longer after each failure, and heal', async () => {
    iam.respondWith((_seen, response) => answerJSON(response, 500, {}));
    for (let second = 0; second < 120; second += 1) {
      await ask();
      await clock.advance(1000);
    }
    expect(iam.seen.length).toBeLessThanOrEqual(6);

    iam.respondWith((_seen, response) => answerJSON(response, 201, {}, { 'x-subject-token': 'good' }));
    await clock.advance(5 * MINUTE);
    expect(await tokenOf(ask())).toBe('good');
  });

  it('do not make a burst at IAM', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, n) => ask({ projectID: `project-${n}` })));

    expect(iam.seen.length).toBeLessThanOrEqual(20);
  });

  it('take a token of the greatest length, which comes in a header', async () => {
    const token = 'x'.repeat(16_384);
    iam.respondWith((_seen, response) => answerJSON(response, 201, {}, { 'x-subject-token': token }));

    expect(await tokenOf(ask())).toBe(token);
  });

  it('say what to do about a token that CCE would not take', async () => {
    const headers = { 'x-subject-token': 'x'.repeat(16_385) };
    iam.respondWith((_seen, response) => answerJSON(response, 201, {}, headers));

    expect(await ask()).toMatchObject({
      ok: false,
      error: { class: 'misconfigured', meaning: { problem: 'The token is too long for the gateway' } },
    });
  });

  it('do not show when IAM repeats them', async () => {
    iam.respondWith((seen, response) =>
      answerJSON(response, 400, { error_msg: seen.body, message: seen.body }),
    );

    expect(JSON.stringify(await ask())).not.toContain(PASSWORD);
  });
});

describe('a wrong password', () => {
  it('is tried once, whatever the project, and waits longer each time', async () => {
    takeOnly('right');
    const at: number[] = [];

    for (let minute = 0; minute < 180; minute += 1) {
      const before = iam.seen.length;
      await Promise.all(
        Array.from({ length: 12 }, (_, n) => ask({ password: 'wrong', projectID: `project-${n}` })),
      );
      if (iam.seen.length > before) at.push(minute);
      await clock.advance(MINUTE);
    }

    expect(at).toEqual([0, 15, 45, 105, 165]);
    expect(iam.seen).toHaveLength(5);
  });

  it('never locks the user, whichever are tried', async () => {
    takeOnly('right');

    for (let minute = 0; minute < 15; minute += 1) {
      for (let n = 0; n < 3; n += 1) await ask({ password: `wrong-${minute}-${n}` });
      await clock.advance(MINUTE - 1);
    }

    expect(iam.seen.length).toBeLessThan(5);
  });

  it('that a stranger tries keeps the owner from nothing, who came before or comes after', async () => {
    takeOnly('right');
    expect(await tokenOf(ask({ password: 'right' }))).toBe('good');
    for (let n = 0; n < 10; n += 1) await ask({ password: `wrong-${n}`, owner: 'stranger' });

    expect(await tokenOf(ask({ password: 'right', projectID: 'project-2' }))).toBe('good');
    for (let n = 0; n < 10; n += 1) {
      await ask({ username: 'other', password: `wrong-${n}`, owner: 'stranger' });
    }
    expect(await tokenOf(ask({ username: 'other', password: 'right' }))).toBe('good');
    expect(iam.seen.length).toBeLessThanOrEqual(9);
  });
});

describe('the turns at IAM', () => {
  it('are taken by namespaces and users, however many projects and users others have', async () => {
    const bad = (n: number) =>
      ask({ username: `user-${n % 100}`, password: `wrong-${n}`, projectID: `p-${n}`, owner: 'bad' });
    takeOnly('right');
    for (let n = 0; n < 1_200; n += 1) await bad(n);
    expect(iam.seen.length).toBeLessThanOrEqual(20);

    // Whoever has no turn asks again, the others all the time.
    let waitedMs = 0;
    while ((await tokenOf(ask({ username: 'good', password: 'right', owner: 'good' }))) === undefined) {
      await clock.advance(1_000);
      waitedMs += 1_000;
      for (let n = 0; n < 200; n += 1) await bad(n);
    }

    expect(waitedMs).toBeLessThanOrEqual(2_000);
  });

  it('of one namespace are taken by its users', async () => {
    for (let n = 0; n < 100; n += 1) await ask({ projectID: `p-${n}` });
    expect(issued).toBe(20);

    await clock.advance(1_000);
    expect(await tokenOf(ask({ username: 'another' }))).toMatch(/^token-/);
  });
});
