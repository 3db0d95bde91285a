import { describe, expect, it } from '@jest/globals';
import {
  readSignatureClaim,
  signatureTime,
  verifySignature,
} from '../../../../src/sandbox/cce/verifySignature.js';
import type { SignatureClaim, SignedRequest } from '../../../../src/sandbox/cce/verifySignature.js';

/** The figures of the official SDKs' own unit tests, and one computed for a job request. */
const KNOWN_SIGNATURES = [
  {
    name: 'a GET with a query',
    request: {
      method: 'GET',
      target: '/path?limit=1',
      headers: { 'x-sdk-date': '20060102T150405Z' },
      body: Buffer.alloc(0),
    },
    signedHeaders: ['x-sdk-date'],
    signature: '5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624',
  },
  {
    name: 'a POST whose body ends in a newline',
    request: {
      method: 'POST',
      target: '/path?key=value',
      headers: { 'x-sdk-date': '20060102T150405Z' },
      body: Buffer.from('{"Name":"test","Id":1}\n'),
    },
    signedHeaders: ['x-sdk-date'],
    signature: 'cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59',
  },
  {
    name: 'a GET with the host signed',
    request: {
      method: 'GET',
      target: '/resources?size=1',
      headers: { host: 'service.endpoint.myhuaweicloud.com', 'x-sdk-date': '20200608T023900Z' },
      body: Buffer.alloc(0),
    },
    signedHeaders: ['host', 'x-sdk-date'],
    signature: 'cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842',
  },
  {
    name: 'a read of a job',
    request: {
      method: 'GET',
      target: '/api/v3/projects/0bcc05efb100f2a92f53c011f262dfa0/jobs/fd474fab-9606-11e8-baa9-0255ac10215d',
      headers: {
        host: 'cce.eu-de.otc.t-systems.com',
        'x-project-id': '0bcc05efb100f2a92f53c011f262dfa0',
        'x-sdk-date': '20200202T081240Z',
      },
      body: Buffer.alloc(0),
    },
    signedHeaders: ['host', 'x-project-id', 'x-sdk-date'],
    signature: '190b766522bce209f9e9e5f0019ef68cd72b55fdba9af5a860e0641b61ddba82',
  },
] satisfies { name: string; request: SignedRequest; signedHeaders: string[]; signature: string }[];

function claimOf(known: { signedHeaders: readonly string[]; signature: string }): SignatureClaim {
  return { accessKey: 'AccessKey', signedHeaders: known.signedHeaders, signature: known.signature };
}

const JOB_REQUEST = KNOWN_SIGNATURES[3]!;

describe('verifySignature', () => {
  it.each(KNOWN_SIGNATURES)('accepts $name', (known) => {
    expect(verifySignature(known.request, claimOf(known), 'SecretKey')).toEqual({ result: 'valid' });
  });

  it('refuses another secret, and shows the canonical request as the cloud does', () => {
    const verdict = verifySignature(JOB_REQUEST.request, claimOf(JOB_REQUEST), 'OtherKey');

    expect(verdict).toMatchObject({ result: 'mismatch' });
    expect(verdict).toHaveProperty(
      'canonicalRequest',
      'GET\n/api/v3/projects/0bcc05efb100f2a92f53c011f262dfa0/jobs/fd474fab-9606-11e8-baa9-0255ac10215d/\n\n' +
        'host:cce.eu-de.otc.t-systems.com\nx-project-id:0bcc05efb100f2a92f53c011f262dfa0\nx-sdk-date:20200202T081240Z\n\n' +
        'host;x-project-id;x-sdk-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  it('catches a body that was signed as empty', () => {
    const request = { ...JOB_REQUEST.request, body: Buffer.from('{}') };

    const verdict = verifySignature(request, claimOf(JOB_REQUEST), 'SecretKey');

    expect(verdict).toHaveProperty(
      'canonicalRequest',
      expect.stringMatching(/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a$/),
    );
  });

  it('sorts and encodes the query before it compares', () => {
    const request = { ...JOB_REQUEST.request, target: '/a%20b?z=1&a=%2F&a=$' };

    const verdict = verifySignature(request, claimOf(JOB_REQUEST), 'SecretKey');

    expect(verdict).toHaveProperty(
      'canonicalRequest',
      expect.stringMatching(/^GET\n\/a%20b\/\na=%24&a=%2F&z=1\n/),
    );
  });

  it.each([
    { problem: 'x-sdk-date is not signed', signedHeaders: ['host'] },
    { problem: 'signed header x-other is not in the request', signedHeaders: ['x-other', 'x-sdk-date'] },
    { problem: 'SignedHeaders must be in lower case and sorted', signedHeaders: ['x-sdk-date', 'host'] },
  ])('says that $problem', ({ problem, signedHeaders }) => {
    const claim = { ...claimOf(JOB_REQUEST), signedHeaders };

    expect(verifySignature(JOB_REQUEST.request, claim, 'SecretKey')).toEqual({ result: 'unusable', problem });
  });
});

describe('readSignatureClaim', () => {
  it('reads the three parts of the header', () => {
    const signature = 'a'.repeat(64);

    expect(
      readSignatureClaim(`SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=${signature}`),
    ).toEqual({
      accessKey: 'AK',
      signedHeaders: ['host', 'x-sdk-date'],
      signature,
    });
  });

  it.each([
    'Bearer token',
    'SDK-HMAC-SHA256 Access=AK',
    `SDK-HMAC-SHA256Access=A,SignedHeaders=b,Signature=c`,
  ])('takes %j for something else', (header) => {
    expect(readSignatureClaim(header)).toBeUndefined();
  });
});

describe('signatureTime', () => {
  it('reads the basic ISO form alone', () => {
    expect(signatureTime('20200202T081240Z')).toBe(Date.parse('2020-02-02T08:12:40Z'));
    expect(signatureTime('2020-02-02T08:12:40Z')).toBeNaN();
  });
});
