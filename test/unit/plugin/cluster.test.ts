import { describe, expect, it } from '@jest/globals';
import { fromResponse, localError } from '../../../src/kube/errors.js';
import { problemOf } from '../../../src/plugin/cluster.js';

describe('what a failed request means for a person', () => {
  it.each([
    [fromResponse(404, 'GET /x', undefined), /^it: the cluster does not know CloudJobs; apply the Custom/],
    [fromResponse(404, 'GET /x', { kind: 'Status', reason: 'NotFound' }), /^it: GET \/x: 404 NotFound$/],
    [fromResponse(403, 'GET /x', { kind: 'Status', reason: 'Forbidden' }), /^it: you may not do that/],
    [fromResponse(401, 'GET /x', undefined), /^it: the kubeconfig's credentials are not accepted; log in/],
    [localError('ConnectionFailed', 'GET /x: reset'), /^it: GET \/x: reset$/],
  ])('%s', (error, message) => {
    expect(problemOf(error, 'it').message).toMatch(message);
  });

  it('is nothing for a mistake of the program', () => {
    expect(() => problemOf(new TypeError('x is undefined'), 'it')).toThrow(TypeError);
  });
});
