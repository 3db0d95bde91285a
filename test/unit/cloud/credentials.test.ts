import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readCredentials } from '../../../src/cloud/credentials.js';

function encode(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}

function credentialsOf(data: Record<string, string>) {
  const read = readCredentials(encode(data));
  if (!read.ok) throw new Error(read.message);
  return read;
}

const TOKEN = { token: 'the-token-0001' };
const KEY = { accessKey: 'AKIDEXAMPLE01', secretKey: 'sk-value-0002' };
const TEMPORARY_KEY = { ...KEY, securityToken: 'st-value-0003' };
const PASSWORD = {
  username: 'user-value-04',
  password: 'pw-value-0005',
  domainName: 'OTC-EU-DE-000000000006',
};
const VALUES = Object.values({ ...TOKEN, ...TEMPORARY_KEY, ...PASSWORD });

describe('readCredentials', () => {
  it.each([
    ['a token', TOKEN, 'token'],
    ['an access key', KEY, 'accessKey'],
    ['a temporary access key', TEMPORARY_KEY, 'accessKey'],
    ['a user name and password', PASSWORD, 'password'],
  ])('reads %s', (_name, data, kind) => {
    const { credentials } = credentialsOf(data);

    expect(credentials.kind).toBe(kind);
    const revealed = Object.entries(data).map(([key]) => (credentials as never)[key] as { reveal(): string });
    expect(revealed.map((secret) => secret.reveal())).toEqual(Object.values(data));
  });

  it('reads project and region beside them', () => {
    expect(credentialsOf({ ...TOKEN, projectID: '6ad7c1ba', region: 'eu-de' })).toMatchObject({
      projectID: '6ad7c1ba',
      region: 'eu-de',
    });
  });

  it('cuts off the newline that echo leaves in files', () => {
    expect(credentialsOf({ token: ' the-token-0001\r\n' }).credentials.fingerprint).toBe(
      credentialsOf(TOKEN).credentials.fingerprint,
    );
  });

  it('ignores keys that mean nothing here', () => {
    expect(credentialsOf({ ...TOKEN, 'ca.crt': 'x', notes: 'y' }).credentials.kind).toBe('token');
  });

  it.each([
    ['nothing', {}, /has no credentials: the Secret must have exactly one of/],
    ['only a project', { projectID: 'p' }, /has no credentials/],
    ['half an access key', { accessKey: 'a' }, /lacks secretKey/],
    ['a security token alone', { securityToken: 'a' }, /lacks accessKey and secretKey/],
    ['a password without its user', { password: 'p' }, /lacks username and domainName/],
    ['two families', { ...TOKEN, ...KEY }, /mixes token, accessKey, secretKey/],
    ['an empty token', { token: '' }, /key token of the Secret is empty/],
    ['a blank token', { token: ' \n' }, /key token of the Secret is empty/],
    ['a line break inside', { token: 'a\r\nX-Evil: 1' }, /key token of the Secret contains a line break/],
    ['a NUL inside', { ...KEY, secretKey: 'a\u0000b' }, /key secretKey .* control character/],
    ['a token outside ASCII', { token: 'tökén' }, /key token .* outside ASCII/],
    [
      'a token that is too long',
      { token: 'x'.repeat(16_385) },
      /key token .* longer than 16384 characters: it has 16385 bytes; get one with \?nocatalog=true/,
    ],
    ['a token of a megabyte', { token: 'x'.repeat(1_000_000) }, /longer than 16384 .* 1000000 bytes/],
    ['a megabyte of blanks', { ...KEY, accessKey: ' '.repeat(1_000_000) }, /key accessKey .* 1000000 bytes/],
    [
      'a password that is too long',
      { ...PASSWORD, password: 'x'.repeat(1025) },
      /key password .* longer than 1024/,
    ],
    ['a project that is a path', { ...TOKEN, projectID: '../x' }, /key projectID .* must be 1 to 64/],
    ['a region that is a URL', { ...TOKEN, region: 'https://evil.example' }, /key region .* never a URL/],
    [
      'a misspelt key',
      { access_key: 'a', 'secret-key': 'b' },
      /access_key may be meant to be accessKey, its key secret-key may be meant to be secretKey$/,
    ],
    [
      "Terraform's words",
      { HW_ACCESS_KEY: 'a', HW_SECRET_KEY: 'b' },
      /HW_ACCESS_KEY may be meant to be accessKey, its key HW_SECRET_KEY may be meant to be secretKey$/,
    ],
    [
      "OpenStack's words",
      { OS_ACCESS_KEY: 'a', OS_USER_DOMAIN_NAME: 'b' },
      /OS_ACCESS_KEY may be meant to be accessKey, its key OS_USER_DOMAIN_NAME may be meant to be domainName$/,
    ],
    [
      "the SDKs' words",
      { HUAWEICLOUD_SDK_AK: 'a', AK: 'b' },
      /HUAWEICLOUD_SDK_AK may be meant to be accessKey, its key AK may be meant to be accessKey$/,
    ],
    ['other words for the keys', { ak: 'a', sk: 'b' }, /ak may be meant to be accessKey/],
  ])('refuses %s', (_name, data: Record<string, string>, problem) => {
    const read = readCredentials(encode(data));

    expect(read).toMatchObject({ ok: false, message: expect.stringMatching(problem) });
  });

  it.each([
    ['no base64', '%%%'],
    ['cut base64', 'YWJ'],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x41]).toString('base64')],
  ])('refuses a value that is %s', (_name, token) => {
    expect(readCredentials({ token })).toEqual({
      ok: false,
      message: 'key token of the Secret is not base64 of UTF-8 text',
    });
  });

  it('takes a token of the greatest length', () => {
    expect(credentialsOf({ token: 'x'.repeat(16_384) }).credentials.kind).toBe('token');
  });

  it('distinguishes credentials by their fingerprints, which are the same each time', () => {
    const all = [TOKEN, KEY, TEMPORARY_KEY, PASSWORD, { ...KEY, secretKey: 'another' }];
    const fingerprints = all.map((data) => credentialsOf(data).credentials.fingerprint);

    expect(new Set(fingerprints).size).toBe(all.length);
    expect(all.map((data) => credentialsOf(data).credentials.fingerprint)).toEqual(fingerprints);
  });

  it('knows an access key again whose secret key is another', () => {
    const keyOf = (change: object) => {
      const { credentials } = credentialsOf({ ...KEY, ...change });
      return credentials.kind === 'accessKey' ? credentials.keyFingerprint : undefined;
    };

    expect(keyOf({ secretKey: 'another' })).toBe(keyOf({}));
    expect(keyOf({ accessKey: 'another' })).not.toBe(keyOf({}));
  });

  it('shows no value in logs, JSON, templates and messages', () => {
    const shown = [TOKEN, TEMPORARY_KEY, PASSWORD, { ...TOKEN, ...PASSWORD }].flatMap((data) => {
      const read = readCredentials(encode(data));
      const fields = read.ok ? Object.values(read.credentials).map(String) : [];
      return [inspect(read, { depth: 9, showHidden: true, getters: true }), JSON.stringify(read), ...fields];
    });

    for (const value of VALUES) expect(shown.join('\n')).not.toContain(value);
  });
});
