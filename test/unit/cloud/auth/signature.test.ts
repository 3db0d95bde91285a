import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { signatureAuthenticator, signRequest } from '../../../../src/cloud/auth/signature.js';
import { SecretText } from '../../../../src/cloud/secretText.js';
import { FakeClock } from '../../../support/fakeClock.js';

interface Vector {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly authorization: string;
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../../../fixtures/cce/sign-vectors.json', import.meta.url), 'utf8'),
) as Vector[];

function key(accessKey: string, secretKey: string) {
  return { accessKey: new SecretText(accessKey), secretKey: new SecretText(secretKey) };
}

describe('signRequest', () => {
  it.each(VECTORS)(
    'agrees with the vector $name',
    ({ method, url, headers, body, accessKey, secretKey, authorization }) => {
      expect(signRequest({ method, url: new URL(url), headers, body }, key(accessKey, secretKey))).toBe(
        authorization,
      );
    },
  );

  it('signs the same whatever the order of a query', () => {
    const sign = (query: string) =>
      signRequest(
        {
          method: 'GET',
          url: new URL(`https://x.example/a?${query}`),
          headers: { 'x-sdk-date': 'd' },
          body: '',
        },
        key('a', 's'),
      );

    expect(sign('b=2&a=1&a=0&c=x%20y')).toBe(sign('c=x%20y&a=0&b=2&a=1'));
  });
});

describe('signatureAuthenticator', () => {
  const request = {
    method: 'GET',
    url: new URL(
      'https://cce.eu-de.otc.t-systems.com/api/v3/projects/0bcc05efb100f2a92f53c011f262dfa0/jobs/fd474fab-9606-11e8-baa9-0255ac10215d',
    ),
    projectID: '0bcc05efb100f2a92f53c011f262dfa0',
    iam: 'https://iam.example',
  } as const;

  it('signs a read of a job with the time of the clock', async () => {
    const credentials = { fingerprint: 'f', keyFingerprint: 'k', ...key('AccessKey', 'SecretKey') };
    const authenticator = signatureAuthenticator(credentials, new FakeClock('2020-02-02T08:12:40.999Z'));

    const signed = await authenticator.headers(request, new AbortController().signal);

    expect(signed).toMatchObject({
      ok: true,
      headers: {
        'x-project-id': '0bcc05efb100f2a92f53c011f262dfa0',
        'x-sdk-date': '20200202T081240Z',
        Authorization: VECTORS.find(({ name }) => name === 'cce-job-get')?.authorization,
      },
    });
  });

  it('sends and signs the security token of a temporary key', async () => {
    const credentials = {
      fingerprint: 'f',
      keyFingerprint: 'k',
      ...key('a', 's'),
      securityToken: new SecretText('temporary'),
    };
    const authenticator = signatureAuthenticator(credentials, new FakeClock());

    const signed = await authenticator.headers(request, new AbortController().signal);

    const headers = signed.ok ? signed.headers : {};
    expect(headers['x-security-token']).toBe('temporary');
    expect(headers['Authorization']).toContain(
      'SignedHeaders=host;x-project-id;x-sdk-date;x-security-token,',
    );
  });
});
