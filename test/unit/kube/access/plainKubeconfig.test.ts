import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlainKubeconfig, readServiceAccount } from '../../../../src/kube/access/plainKubeconfig.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plain-kubeconfig-test-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const CLUSTER = { server: 'https://api.example:6443' };

/** Writes a kubeconfig (JSON is YAML) with one context and reads it. */
function read(cluster: object, user: object | null, context: object = {}) {
  const file = join(folder, 'config');
  const config = {
    'current-context': 'here',
    contexts: [
      { name: 'other', context: { cluster: 'gone' } },
      { name: 'here', context: { cluster: 'c', user: 'u', ...context } },
    ],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(file, JSON.stringify(config));
  return readPlainKubeconfig(file);
}

describe('a kubeconfig is read without client-node', () => {
  it('when its user has certificates, in the file or beside it', async () => {
    writeFileSync(join(folder, 'ca.pem'), 'the CA');
    const config = read(
      { ...CLUSTER, 'certificate-authority': 'ca.pem', 'tls-server-name': 'inner' },
      { 'client-certificate-data': 'Y2VydA==', 'client-key-data': 'a2V5' },
      { namespace: 'infra' },
    );

    expect(config).toMatchObject({ server: CLUSTER.server, namespace: 'infra', userName: 'u' });
    expect(await config?.credentials()).toEqual({
      headers: {},
      tls: {
        ca: Buffer.from('the CA'),
        cert: Buffer.from('cert'),
        key: Buffer.from('key'),
        servername: 'inner',
        rejectUnauthorized: true,
      },
    });
  });

  it('when its user has a file with a token, which is read anew each time', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'old\n');
    const config = read({ ...CLUSTER, 'insecure-skip-tls-verify': true }, { tokenFile: file });
    const before = await config?.credentials();
    writeFileSync(file, 'new\n');

    expect(before).toEqual({ headers: { Authorization: 'Bearer old' }, tls: { rejectUnauthorized: false } });
    expect(await config?.credentials()).toMatchObject({ headers: { Authorization: 'Bearer new' } });
  });
});

it('a kubeconfig is read without client-node, its proxy-url as it is', () => {
  expect(read({ ...CLUSTER, 'proxy-url': 'http://proxy' }, { token: 't' })?.proxyUrl).toBe('http://proxy');
});

describe('a kubeconfig is left to client-node', () => {
  it.each<[string, object, object | null, object]>([
    ['with an exec plugin', CLUSTER, { exec: { command: 'aws' } }, {}],
    ['with an auth provider', CLUSTER, { 'auth-provider': { name: 'oidc' } }, {}],
    ['with a password', CLUSTER, { username: 'u', password: 'p' }, {}],
    ['with impersonation', CLUSTER, { token: 't', as: 'other' }, {}],
    ['with two kinds of token', CLUSTER, { token: 't', tokenFile: 'f' }, {}],
    ['with a certificate that is not there', CLUSTER, { 'client-certificate': 'none.pem' }, {}],
    ['with data that is not base64', CLUSTER, { 'client-key-data': '%' }, {}],
    ['without the user that its context names', CLUSTER, {}, { user: 'none' }],
    ['without the cluster that its context names', CLUSTER, {}, { cluster: 'none' }],
    ['without anything about its user', CLUSTER, null, { user: 3 }],
  ])('%s', (_, cluster, user, context) => {
    expect(read(cluster, user, context)).toBeUndefined();
  });

  it('when it is no YAML, or not there', () => {
    const file = join(folder, 'broken');
    writeFileSync(file, 'users:\n- user: {token: canary\n');

    expect(readPlainKubeconfig(file)).toBeUndefined();
    expect(readPlainKubeconfig(join(folder, 'none'))).toBeUndefined();
  });
});

it('a service account is only read in a pod', () => {
  expect(readServiceAccount({})).toBeUndefined();
});
