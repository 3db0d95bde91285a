import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeconfigError, type ClusterAccess } from '../../../../src/kube/access/access.js';
import { loadClusterAccess } from '../../../../src/kube/access/kubeconfig.js';
import { ProxyError } from '../../../../src/proxy.js';
import { FakeClock } from '../../../support/fakeClock.js';
import { failure } from '../support.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-test-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a kubeconfig (JSON is YAML) with one context and loads it. */
function load(
  cluster: object,
  user: object | undefined,
  clock = new FakeClock(),
  env: Record<string, string> = {},
): Promise<ClusterAccess> {
  const file = join(folder, 'config');
  writeFileSync(
    file,
    JSON.stringify({
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'c', ...(user && { user: 'u' }), namespace: 'infra' } }],
      clusters: [{ name: 'c', cluster }],
      users: user === undefined ? [] : [{ name: 'u', user }],
    }),
  );
  return loadClusterAccess(file, clock, undefined, env);
}

const secure = { server: 'https://api.example:6443/prefix/', 'certificate-authority-data': base64('the CA') };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** An exec plugin that prints what it has in a file, and its KUBERNETES_EXEC_INFO to another. */
function plugin(source: string): object {
  return {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', source] },
  };
}

describe('a kubeconfig', () => {
  it('gives the server, the namespace and the certificates', async () => {
    const access = await load(secure, {
      'client-certificate-data': base64('cert'),
      'client-key-data': base64('key'),
    });

    const { headers, tls } = await access.credentials();

    expect([access.server.href, access.namespace]).toEqual(['https://api.example:6443/prefix', 'infra']);
    expect(headers).toEqual({});
    expect(tls).toEqual({
      ca: Buffer.from('the CA'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
      rejectUnauthorized: true,
    });
  });

  it.each<[string, object, Record<string, string>]>([
    ['a token', { token: 'abc' }, { Authorization: 'Bearer abc' }],
    ['a password', { username: 'u', password: 'p' }, { Authorization: `Basic ${base64('u:p')}` }],
    [
      'impersonation',
      { token: 'abc', as: 'other' },
      { Authorization: 'Bearer abc', 'Impersonate-User': 'other' },
    ],
  ])('gives the headers of %s', async (_, user, headers) => {
    const access = await load(secure, user);

    expect((await access.credentials()).headers).toEqual(headers);
  });

  it('without a user keeps the certificate authority', async () => {
    const access = await load({ ...secure, 'tls-server-name': 'inner' }, undefined);

    expect((await access.credentials()).tls).toEqual({
      ca: Buffer.from('the CA'),
      servername: 'inner',
      rejectUnauthorized: true,
    });
  });

  it.each<[string, object]>([
    ['a plain user', { token: 'abc' }],
    ['an exec plugin', plugin('')],
  ])('of %s is taken in the context that is asked for', async (_, user) => {
    const file = join(folder, 'config');
    const context = (cluster: string) => ({
      name: `at-${cluster}`,
      context: { cluster, user: 'u', namespace: cluster },
    });
    const cluster = (name: string) => ({ name, cluster: { server: `https://${name}.example` } });
    writeFileSync(
      file,
      JSON.stringify({
        'current-context': 'at-a',
        contexts: [context('a'), context('b')],
        clusters: [cluster('a'), cluster('b')],
        users: [{ name: 'u', user }],
      }),
    );

    const asked = await loadClusterAccess(file, new FakeClock(), 'at-b');

    expect([asked.server.hostname, asked.namespace]).toEqual(['b.example', 'b']);
    await expect(loadClusterAccess(file, new FakeClock(), 'at-c')).rejects.toThrow(
      'context "at-c" names no cluster; contexts: at-a, at-b',
    );
  });

  it('sends no credentials over plain http', async () => {
    const access = await load({ server: 'http://127.0.0.1:8001' }, { token: 'canary' });

    expect((await access.credentials()).headers).toEqual({});
  });

  it.each<[string, object, string]>([
    [
      'a SOCKS proxy',
      { ...secure, 'proxy-url': 'socks5://:canary@p' },
      'proxy-url: socks5:// proxies are not supported',
    ],
    [
      'a proxy that is none',
      { ...secure, 'proxy-url': 'http://' },
      'proxy-url: is not the address of a proxy',
    ],
    ['a server that is no URL', { server: 'api.example' }, 'server must be an http or https URL'],
    ['a server of another kind', { server: 'unix:///run/api' }, 'server must be an http or https URL'],
  ])('with %s is refused in words', async (_, cluster, words) => {
    const error = await failure(load(cluster, { token: 'canary' }));

    expect(error).toBeInstanceOf(KubeconfigError);
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('canary');
  });

  it.each<[string, object, object, Record<string, string>, string | undefined]>([
    ['of the environment', secure, { token: 'abc' }, { HTTPS_PROXY: 'http://env:1' }, 'http://env:1'],
    [
      'of its own, which wins',
      { ...secure, 'proxy-url': 'https://own:2' },
      { token: 'abc' },
      { HTTPS_PROXY: 'http://env:1', NO_PROXY: '*' },
      'https://own:2',
    ],
    [
      'of its own, beside an exec plugin',
      { ...secure, 'proxy-url': 'http://own:2' },
      plugin(''),
      {},
      'http://own:2',
    ],
    [
      'of its own, even on this machine',
      { server: 'http://127.0.0.1:8001', 'proxy-url': 'http://own:2' },
      {},
      {},
      'http://own:2',
    ],
    ['by NO_PROXY not', secure, {}, { HTTPS_PROXY: 'http://env:1', NO_PROXY: '.example' }, undefined],
    [
      'on this machine not',
      { server: 'https://127.0.0.1:6443' },
      {},
      { HTTPS_PROXY: 'http://env:1' },
      undefined,
    ],
  ])('uses a proxy %s', async (_, cluster, user, env, expected) => {
    const access = await load(cluster, user, new FakeClock(), env);

    expect(access.proxy?.toString()).toBe(expected);
  });

  it('is not read where the environment names a proxy that cannot be used', async () => {
    const error = await failure(load(secure, {}, new FakeClock(), { HTTPS_PROXY: 'socks5://p' }));

    expect(error).toBeInstanceOf(ProxyError);
  });

  it.each<[string, string, string]>([
    ['broken YAML', 'users:\n- user: {token: canary\n', 'is not valid YAML'],
    ['something else', 'canary', 'names no cluster'],
    ['an empty file', '', 'it is not a kubeconfig'],
    ['an unknown context', 'current-context: x', 'current-context "x" names no cluster'],
  ])('of %s is refused without quoting it', async (_, content, words) => {
    const file = join(folder, 'config');
    writeFileSync(file, content);

    const error = await failure(loadClusterAccess(file, new FakeClock()));

    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('canary');
  });

  it('that is missing is named', async () => {
    const file = join(folder, 'none');

    await expect(loadClusterAccess(file, new FakeClock())).rejects.toThrow(
      `kubeconfig ${file}: cannot be read: it, or a file`,
    );
  });
});

describe('credentials', () => {
  it('are read again when their file may have been rotated', async () => {
    const clock = new FakeClock();
    const file = join(folder, 'cert.pem');
    writeFileSync(file, 'old');
    const access = await load(secure, { 'client-certificate': file }, clock);
    const first = await access.credentials();
    writeFileSync(file, 'new');

    const soon = await access.credentials();
    await clock.advance(10_000);
    const later = await access.credentials();

    expect([first, soon, later].map(({ tls }) => tls.cert?.toString())).toEqual(['old', 'old', 'new']);
  });

  it('come from an exec plugin, which is told what it is asked for', async () => {
    const access = await load(
      secure,
      plugin(`
        const { apiVersion, kind, spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
        const token = [apiVersion, kind, spec.interactive].join(' ');
        console.log(JSON.stringify({ apiVersion, kind, status: { token } }));
      `),
    );

    const { headers } = await access.credentials();

    expect(headers).toEqual({
      Authorization: 'Bearer client.authentication.k8s.io/v1 ExecCredential false',
    });
  });

  it.each([
    ['fails', "console.error('canary'); process.exit(1)"],
    ['prints nonsense', "console.log('canary')"],
  ])('of a plugin that %s are an error that does not quote it', async (_, source) => {
    const access = await load(secure, plugin(source));

    const error = await failure(access.credentials());

    expect(error).toMatchObject({ reason: 'CredentialsUnavailable' });
    expect(String(error)).toContain('user "u"');
    expect(String(error)).not.toContain('canary');
  });

  it('are asked for anew after a refusal, but not all the time', async () => {
    const clock = new FakeClock();
    const access = await load(secure, { token: 'old' }, clock);
    await access.credentials();
    await load(secure, { token: 'new' });

    const renewed = access.renew();
    const again = access.renew();
    const { headers } = await access.credentials();
    await clock.advance(10_000);

    expect([renewed, again, access.renew()]).toEqual([true, false, true]);
    expect(headers).toEqual({ Authorization: 'Bearer new' });
  });
});
