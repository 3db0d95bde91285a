import { describe, expect, it } from '@jest/globals';
import {
  fromResponse,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isNotFound,
  isTooManyRequests,
  isUnauthorized,
} from '../../../src/kube/errors.js';

const kinds = {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isNotFound,
  isTooManyRequests,
  isUnauthorized,
};

function kindsOf(error: unknown): string[] {
  return Object.entries(kinds)
    .filter(([, is]) => is(error))
    .map(([name]) => name);
}

describe('an answer that is an error', () => {
  it.each([
    [401, 'Unauthorized', ['isUnauthorized']],
    [403, 'Forbidden', ['isForbidden']],
    [404, 'NotFound', ['isNotFound']],
    [409, 'Conflict', ['isConflict']],
    [409, 'AlreadyExists', ['isAlreadyExists']],
    [410, 'Gone', ['isGone']],
    [410, 'Expired', ['isGone']],
    [422, 'Invalid', []],
    [429, 'TooManyRequests', ['isTooManyRequests']],
    [500, 'InternalError', []],
  ])('%i %s is of one kind', (code, reason, expected) => {
    const error = fromResponse(code, 'GET /x', { kind: 'Status', code, reason });

    expect(kindsOf(error)).toEqual(expected);
  });

  it('504 of a version that the server does not have yet is of the same kind as one that is too old', () => {
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    const error = fromResponse(504, 'GET /x', { kind: 'Status', reason: 'Timeout', details: { causes } });

    expect(kindsOf(error)).toEqual(['isGone']);
    expect(kindsOf(fromResponse(504, 'GET /x', { kind: 'Status', reason: 'Timeout' }))).toEqual([]);
  });

  it.each([undefined, '404 page not found', { paths: ['/api', '/apis'] }])(
    '404 of a resource that is not served says nothing of the object: %j',
    (body) => {
      expect(kindsOf(fromResponse(404, 'GET /x', body))).toEqual([]);
    },
  );

  it('may have the time to wait in its details, too', () => {
    const body = { kind: 'Status', reason: 'Timeout', details: { retryAfterSeconds: 3 } };

    expect(fromResponse(504, 'GET /x', body).retryAfterMs).toBe(3000);
    expect(fromResponse(504, 'GET /x', body, 1000).retryAfterMs).toBe(1000);
  });

  it('has a bounded message of one line', () => {
    const body = { kind: 'Status', reason: 'Invalid', message: `a\n\u0000b ${'x'.repeat(5000)}` };

    const { message } = fromResponse(422, 'PATCH /x', body);

    expect(message).toMatch(/^PATCH \/x: 422 Invalid: a b x+$/);
    expect(message.length).toBeLessThan(1100);
  });

  it.each([
    undefined,
    null,
    'Bearer canary',
    { message: 'Bearer canary' },
    { kind: 'Pod', message: 'canary' },
  ])('takes no words from a body that is no Status: %j', (body) => {
    expect(fromResponse(500, 'GET /x', body).message).toBe('GET /x: 500 HTTP500');
    expect(fromResponse(404, 'GET /x', body).message).toBe(
      'GET /x: 404 HTTP404: nothing is served there; is the CustomResourceDefinition installed?',
    );
  });
});

describe('errors of other kinds', () => {
  it.each([new Error('x'), undefined, 'NotFound', { status: 404, reason: 'Expired' }])(
    '%j is no error of the API',
    (error) => {
      expect(kindsOf(error)).toEqual([]);
    },
  );
});
