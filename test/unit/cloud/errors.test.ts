import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_ERROR_LENGTH } from '../../../src/cloud/errorBody.js';
import { readError, type CloudErrorClass } from '../../../src/cloud/errors.js';
import { failureOf } from '../../../src/cloud/observation.js';
import { REACTIONS } from '../../../src/cloud/reactions.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

function read(status: number, body: unknown, headers: Record<string, string> = {}) {
  return readError(status, headers, typeof body === 'string' ? body : JSON.stringify(body), NOW);
}

describe('readError: what went wrong', () => {
  const cce = (code: string) => ({ errorCode: code, errorMessage: 'x' });
  const gateway = (code: string) => ({ error_code: code, error_msg: 'x', request_id: 'r' });

  it.each<[string, number, unknown, CloudErrorClass]>([
    ['a job that CCE does not know', 404, cce('CCE.01404001'), 'notFound'],
    ['the same of another component', 404, cce('CCE.02404001'), 'notFound'],
    ['the same in the older form', 404, { error_code: 'CCE_CM.0003', error_msg: 'x' }, 'notFound'],
    ['the same with a code of 2018', 404, cce('E.CFE.4040001'), 'notFound'],
    ['a Kubernetes Status of CCE', 404, { kind: 'Status', apiVersion: 'v1', code: 404 }, 'notFound'],
    ['a job that CCE deleted', 410, cce('CCE.01404001'), 'notFound'],
    ['a route that the gateway does not know', 404, gateway('APIGW.0101'), 'misconfigured'],
    ['the same of a dedicated gateway', 404, gateway('APIG.0101'), 'misconfigured'],
    ['the same without a code', 404, { message: 'API not found', request_id: 'r' }, 'misconfigured'],
    ['a 404 with another CCE code', 404, cce('CCE.01400001'), 'misconfigured'],
    ['a bad request', 400, cce('CCE.01400001'), 'misconfigured'],
    ['a method that the gateway does not allow', 405, gateway('APIG.0501'), 'misconfigured'],
    ['an API that IAM does not have', 404, { error: { code: 404, message: 'x' } }, 'misconfigured'],
    ['a request format that the gateway refuses', 400, gateway('APIG.0201'), 'misconfigured'],
    ['a backend that is unavailable', 502, gateway('APIG.0201'), 'transient'],
    ['a backend that is too slow', 504, gateway('APIGW.0201'), 'transient'],
    ['a gateway that failed', 500, gateway('APIGW.0201'), 'transient'],
    ['IAM being unavailable', 503, gateway('APIG.0613'), 'transient'],
    ['a failure of CCE', 500, cce('CCE.01500001'), 'transient'],
    ['a 500 that mentions a 404', 500, cce('CCE.01404001'), 'transient'],
    ['a request that took too long', 408, '', 'transient'],
    ['a conflict', 409, cce('CCE.01409002'), 'transient'],
    ['rejected credentials', 401, cce('CCE.01401001'), 'unauthorized'],
    ['a bad signature', 401, gateway('APIGW.0301'), 'unauthorized'],
    ['a token that must be updated', 401, gateway('APIG.0307'), 'unauthorized'],
    ['a 401 of Keystone', 401, { error: { code: 401, message: 'x', title: 'Unauthorized' } }, 'unauthorized'],
    [
      'a locked key',
      401,
      { error_code: 'APIG.0301', error_msg: 'AK access failed to reach the limit,forbidden.' },
      'unauthorized',
    ],
    [
      'a locked key under 403',
      403,
      { error_msg: 'AK access failed to reach the limit,forbidden.' },
      'unauthorized',
    ],
    ['no permission', 403, cce('CCE.01403001'), 'forbidden'],
    ['no permission for the gateway', 403, gateway('APIG.0302'), 'forbidden'],
    ['a user who is forbidden in the region', 403, gateway('APIGW.0802'), 'forbidden'],
    ['no permission of IAM', 403, gateway('IAM.0003'), 'forbidden'],
    ['throttling by a gateway that also says there is no such API', 429, gateway('APIGW.0101'), 'throttled'],
    ['throttling', 429, gateway('APIGW.0308'), 'throttled'],
    ['throttling under another status', 403, gateway('APIGW.0308'), 'throttled'],
    ['a locked resource', 429, cce('CCE.01429002'), 'throttled'],
    ['too many tasks', 400, cce('CCE.01429003'), 'throttled'],
    ['throttling of an add-on', 429, cce('CCE.02429001'), 'throttled'],
    ['throttling without a body', 429, '', 'throttled'],
    ['success of another kind', 204, '', 'malformed'],
    ['a status that nobody knows', 799, '', 'transient'],
  ])('%s', (_name, status, body, errorClass) => {
    expect(read(status, body).class).toBe(errorClass);
  });

  it('knows what to do about every class', () => {
    expect(Object.keys(REACTIONS).toSorted()).toEqual([
      'forbidden',
      'malformed',
      'misconfigured',
      'notFound',
      'throttled',
      'transient',
      'unauthorized',
    ]);
  });
});

describe('readError: whose answer it is', () => {
  const foreign = { class: 'transient', foreign: true };

  it.each([301, 302, 400, 401, 402, 403, 404, 405, 407, 410, 418])(
    'nobody is blamed for a page, an empty answer or an unknown code under %i',
    (status) => {
      for (const body of [
        '<html><title>Blocked</title></html>',
        '',
        '{}',
        'denied',
        { code: status, message: 'denied' },
        { code: 'NoSuchBucket', message: 'x' },
        { error: 'access_denied' },
        { error: { code: 'Forbidden', message: 'x' } },
        { error_code: 'AS.0001', error_msg: 'of another service' },
      ]) {
        expect(read(status, body)).toMatchObject(foreign);
      }
    },
  );

  it.each([
    'CCE.01401001',
    'CCE_CM.0402',
    'E.CFE.4010001',
    'SVCSTG.CCECAM.4010001',
    'APIG.0301',
    'APIGW.0301',
    'IAM.0001',
  ])('the cloud is taken at its word with the code %s, under whichever key', (code) => {
    for (const body of [
      { errorCode: code },
      { error_code: code },
      { code, message: 'x' },
      { error: { code, message: 'x' } },
      { error_code: 'Unknown.1', errorCode: code },
    ]) {
      expect(read(401, body).class).toBe('unauthorized');
      expect(read(403, body).class).toBe('forbidden');
    }
  });

  it("IAM's numeric codes are the cloud's", () => {
    expect(read(403, { error: { code: 403, message: 'x', title: 'Forbidden' } }).class).toBe('forbidden');
  });

  it('a Kubernetes API server is not CCE, whose Status has codes of its own', () => {
    expect(read(403, { kind: 'Status', apiVersion: 'v1', code: 403, message: 'x' })).toMatchObject(foreign);
  });

  it('a page sets no pause for the cloud', () => {
    expect(read(403, '<html>', { 'retry-after': '3600' }).retryAfterMs).toBeUndefined();
  });

  it.each([429, 500, 502, 503])('a page under %i is what its status says', (status) => {
    expect(read(status, '<html>').foreign).toBeUndefined();
  });

  it('shows the title of a page', () => {
    const page = '<!doctype html><html><head><title>Access\n denied.</title></head></html>';

    expect(read(403, page).message).toBe('HTTP 403 Forbidden with an HTML page: Access denied');
  });
});

describe('readError: what it means, and what to do', () => {
  const iam = (message: string) => ({ error: { code: 401, message, title: 'Unauthorized' } });

  it.each<[string, number, unknown, CloudErrorClass, RegExp]>([
    [
      "CCE's own 400",
      400,
      { errorCode: 'CCE.01400001', errorMessage: 'Invalid request.' },
      'misconfigured',
      /^CCE takes the request for invalid; check that spec\.jobID .* \(CCE\.01400001: Invalid request\)$/,
    ],
    [
      'the same in the older form',
      400,
      { error_code: 'CCE_CM.0201', error_msg: 'Request body invalid', errorCode: 'E.CFE.4000201' },
      'misconfigured',
      /spec\.jobID/,
    ],
    [
      'a restricted account',
      403,
      { errorCode: 'CCE.01403002', errorMessage: 'Account restricted.' },
      'forbidden',
      /^The cloud has restricted the account; check the account's bills .* \(CCE\.01403002: Account restricted\)$/,
    ],
    [
      'a project that is not available',
      403,
      { error_code: 'APIGW.0310', error_msg: 'The project is unavailable' },
      'forbidden',
      /^The project is not available; check spec\.projectID, .*frozen/,
    ],
    [
      'login protection',
      401,
      iam('Login protection is enabled, verification is required.'),
      'unauthorized',
      /^IAM wants a second factor, because login protection is on for the user; turn it off .* or put an access key/,
    ],
    ['the same in other words', 403, iam('You must authenticate with MFA.'), 'unauthorized', /second factor/],
    [
      'a temporary key without its token',
      401,
      {
        error_code: 'APIGW.0301',
        error_msg: 'Incorrect IAM authentication information: ak HST0123 not exist',
      },
      'unauthorized',
      /^The cloud does not know the access key; a temporary key needs its securityToken in the Secret/,
    ],
    [
      'headers that are too long for the gateway',
      494,
      { error_code: 'APIG.0201', error_msg: 'Request headers too long' },
      'misconfigured',
      /^The token is too long for the gateway; get one with \?nocatalog=true .* or use an access key/,
    ],
    [
      'the same, with the code of another status',
      400,
      { error_code: 'APIGW.0201', error_msg: 'Request header is too large.' },
      'misconfigured',
      /token is too long/,
    ],
    [
      'the same of nginx',
      400,
      '<html><head><title>400 Request Header Or Cookie Too Large</title></head></html>',
      'misconfigured',
      /token is too long/,
    ],
    ['the same of others', 431, '', 'misconfigured', /token is too long/],
    [
      'an error under 200',
      200,
      { error_code: 'CCE.01500001', error_msg: 'Internal error.' },
      'malformed',
      /^The cloud answered with success and an error in one; .*support \(CCE\.01500001: Internal error\)$/,
    ],
    [
      'a locked key',
      401,
      { error_code: 'APIG.0301', error_msg: 'AK access failed to reach the limit,forbidden.' },
      'unauthorized',
      /^The cloud has locked the access key .*; check the secret key .* \(APIG\.0301: AK access failed/,
    ],
    ['a wrong password', 401, iam('The username or password is wrong.'), 'unauthorized', /renew them/],
    ['no permission', 403, { errorCode: 'CCE.01403001' }, 'forbidden', /grant them the action cce:job:get/],
  ])('%s', (_, status, body, errorClass, text) => {
    const error = read(status, body);

    expect(error.class).toBe(errorClass);
    expect(failureOf({ kind: 'error', error })?.message).toMatch(text);
  });

  it('no message ends in a full stop, so that the sentence around it has one alone', () => {
    const words = fc.constantFrom('Invalid', 'request', '.', '..', '. ', '…', ' ', '\n');
    const text = fc.array(words, { minLength: 1 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.constantFrom(200, 400, 401, 403, 404, 500), text, (status, errorMessage) => {
        for (const body of [{ errorCode: 'CCE.01400001', errorMessage }, errorMessage]) {
          const message = failureOf({ kind: 'error', error: read(status, body) })?.message;

          expect(message).not.toMatch(/\.\)?$/);
        }
      }),
    );
  });
});

describe('readError: what it says', () => {
  it.each<[string, unknown, string | undefined, string]>([
    [
      "CCE's documented form",
      { errorCode: 'CCE.01400001', errorMessage: 'Wrong format' },
      'CCE.01400001',
      'Wrong format',
    ],
    [
      "CCE's real form, whose message has the cause",
      {
        kind: 'Status',
        code: 400,
        errorCode: 'CCE.01400001',
        errorMessage: 'Invalid request.',
        error_code: 'CCE_CM.0004',
        error_msg: 'Request is invalid',
        message: 'flavor: must be one of the list',
        reason: 'BadRequest',
      },
      'CCE.01400001',
      'flavor: must be one of the list',
    ],
    [
      'the older form',
      {
        error_code: 'CCE_CM.0201',
        error_msg: 'Body invalid',
        errorCode: 'E.CFE.4000201',
        reason: 'Body invalid',
      },
      'E.CFE.4000201',
      'Body invalid',
    ],
    [
      'the gateway',
      { error_msg: 'No backend', error_code: 'APIG.0201', request_id: 'r-1' },
      'APIG.0201',
      'No backend',
    ],
    [
      'the gateway without a code',
      { message: 'API not found', request_id: 'r-1' },
      undefined,
      'API not found',
    ],
    ['Keystone', { error: { code: 400, message: 'Bad body', title: 'Bad Request' } }, undefined, 'Bad body'],
    ['ECS', { error: { code: 'Ecs.0004', message: 'No such thing' } }, 'Ecs.0004', 'No such thing'],
    ['a text', 'upstream said no', undefined, 'HTTP 400 Bad Request: upstream said no'],
    ['an HTML page', '<!doctype html><p>x', undefined, 'HTTP 400 Bad Request with an HTML page'],
    ['nothing', '', undefined, 'HTTP 400 Bad Request without a body'],
    ['truncated JSON', '{"error_msg":"tru', undefined, 'HTTP 400 Bad Request with an unknown body'],
    [
      'fields of wrong types',
      { message: 5, error_code: {} },
      undefined,
      'HTTP 400 Bad Request with an unknown body',
    ],
  ])('reads the form of %s', (_name, body, code, message) => {
    expect(read(400, body)).toMatchObject({ message, ...(code === undefined ? {} : { code }) });
  });

  it('keeps request IDs apart, for logs', () => {
    const body = { error_msg: 'no, request_id: 77aa', error_code: 'APIG.0201', request_id: 'body-1' };

    expect(read(500, body)).toMatchObject({ message: 'no', requestID: 'body-1' });
    expect(read(500, body, { 'x-request-id': 'head-1' }).requestID).toBe('head-1');
    expect(read(401, {}, { 'x-iam-trace-id': 'iam-1' }).requestID).toBe('iam-1');
    expect(read(500, body, { 'x-request-id': '' }).requestID).toBe('body-1');
  });

  it('makes a hostile request ID fit for a log: one short line without control characters', () => {
    const { requestID } = read(500, { request_id: `\u001b[2Jr-1\nlevel=error ${'x'.repeat(10_000)}` });

    expect(requestID).toMatch(/^r-1 level=error x+…$/);
    expect(requestID).toHaveLength(128);
  });

  it('says the same when the same happens again', () => {
    const at = (id: string, time: string) =>
      read(500, { error_msg: `failed at ${time} in ${id}, request id: ${id}`, error_code: 'APIG.0201' })
        .message;

    expect(at('5a63903e690bcd18d9ddf5c2ca75e827', '20260101T000000Z')).toBe(
      at('0a1b2c3d-229a-11e8-9c75-0255ac100ceb', '2026-01-02 03:04:05.678 +0000'),
    );
  });

  it('does not repeat the canonical request that the gateway echoes', () => {
    const message = read(401, {
      error_code: 'APIGW.0301',
      error_msg:
        'Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/api/||host:x|x-security-token:abc',
    }).message;

    expect(message).toBe('Incorrect IAM authentication information: verify aksk signature fail');
  });

  it('keeps the IDs of projects and clusters that it names, in whatever way', () => {
    const project = '6ad7c1ba34f94ed78e0a8a2d1ab7c111';
    const cluster = '4a9b1c2d-229a-11e8-9c75-0255ac100ceb';

    for (const text of [
      `Project=${project};Cluster=${cluster}`,
      `no permission cce:job:get in project ${project}`,
      `project_id: "${project}" is frozen`,
      `the clusterUID ${cluster} is unknown`,
      `policy forbids GET /api/v3/projects/${project}/jobs/${cluster}`,
    ]) {
      expect(read(403, { errorCode: 'CCE.01403001', errorMessage: text }).message).toBe(text);
    }
  });

  it('keeps the IDs of the project and the job that the request was about, and no others', () => {
    const project = '6ad7c1ba34f94ed78e0a8a2d1ab7c111';
    const job = '354331b2c-229a-11e8-9c75-0255ac100ceb';
    const body = JSON.stringify({
      error_code: 'APIG.0302',
      error_msg: `${job} of ${project} is not for 0a1b2c3d229a11e89c750255ac100ceb, job=${job}`,
    });

    expect(readError(403, {}, body, NOW, { ownIDs: [project, job] }).message).toBe(
      `${job} of ${project} is not for *, job=${job}`,
    );
  });

  it('lets no short ID of a job cut a token into pieces that nobody masks', () => {
    const token = `MII${'aBc'.repeat(40)}`;
    const body = JSON.stringify({ error_code: 'APIG.0301', error_msg: `bad ${token}` });

    expect(readError(401, {}, body, NOW, { ownIDs: ['a', 'Bc', ''] }).message).toBe('bad *');
  });

  it('masks what looks like a token', () => {
    const token = `MII${'aB3+/_-'.repeat(40)}==`;

    expect(read(401, { error_msg: `decrypt token fail: ${token}` }).message).toBe('decrypt token fail: *');
  });

  it('names the clock when a signature has expired', () => {
    const error_msg =
      'Incorrect IAM authentication information: calc aksk signature fail:signature expired, signature time:20260101T000000Z,server time:20260101T001501Z';

    expect(read(401, { error_msg, error_code: 'APIGW.0301' }).message).toMatch(
      /clock of this machine .* synchronise it/,
    );
  });

  it('reports how long a locked key stays locked', () => {
    const error_msg = 'AK access failed to reach the limit,forbidden.';

    expect(read(401, { error_msg, error_code: 'APIG.0301' })).toMatchObject({
      code: 'APIG.0301',
      retryAfterMs: 300_000,
    });
  });

  it('reads Retry-After', () => {
    expect(read(429, '', { 'retry-after': '56.818' }).retryAfterMs).toBe(56_818);
  });

  it("reads a Retry-After that is a date by the cloud's own clock, if it shows it", () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 02:00:45 GMT', date: 'Thu, 01 Jan 2026 02:00:00 GMT' };

    expect(read(429, '', headers).retryAfterMs).toBe(45_000);
  });

  it('is one clean, bounded line whatever the answer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          fc.json().map((message) => JSON.stringify({ message })),
        ),
        (status, body) => {
          const { message } = read(status, body);

          expect(message).not.toBe('');
          expect(message.length).toBeLessThanOrEqual(MAX_ERROR_LENGTH);
          expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
        },
      ),
    );
  });
});
