import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeconfigError, type ClusterAccess } from '../../../../src/kube/access/access.js';
import { readServiceAccount } from '../../../../src/kube/access/clusterConfig.js';
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

/** A user of an exec plugin that runs this script. */
function plugin(source: string, more: object = {}): object {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath };
  return { exec: { ...exec, args: ['-e', source], ...more } };
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

  it('is taken in the requested context', async () => {
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
        users: [{ name: 'u', user: { token: 'abc' } }],
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
    ['something else', 'canary', 'it is not a kubeconfig'],
    ['a wrong type', 'users: {name: canary}', 'users is of the wrong type'],
    ['an empty file', '', 'current-context "" names no cluster'],
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
      `kubeconfig ${file}: the file does not exist`,
    );
  });

  it.each<[string, object, object, string]>([
    [
      'a certificate authority',
      { 'certificate-authority': 'none.crt' },
      {},
      'none.crt, which the kubeconfig',
    ],
    [
      'a certificate',
      {},
      { 'client-certificate': 'none.crt', 'client-key-data': '' },
      'without a client-key',
    ],
    ['a token', {}, { tokenFile: 'none' }, 'none, which the kubeconfig names, cannot be read (ENOENT)'],
    [
      'an exec plugin, and an auth provider',
      {},
      { ...plugin(''), 'auth-provider': { name: 'oidc' } },
      'has exec and auth-provider',
    ],
  ])('that is wrong about %s says so at once', async (_, cluster, user, words) => {
    const error = await failure(load({ server: secure.server, ...cluster }, user));

    expect(error).toBeInstanceOf(KubeconfigError);
    expect(String(error)).toContain(words);
  });

  it('may have a user of nothing, or of null', async () => {
    const access = await load(secure, { token: null });

    expect((await access.credentials()).headers).toEqual({});
  });
});

describe('credentials', () => {
  it('are read again when their file may have been rotated', async () => {
    const clock = new FakeClock();
    const file = join(folder, 'cert.pem');
    writeFileSync(file, 'old');
    const access = await load(
      secure,
      { 'client-certificate': file, 'client-key-data': base64('key') },
      clock,
    );
    const first = await access.credentials();
    writeFileSync(file, 'new');

    const soon = await access.credentials();
    await clock.advance(10_000);
    const later = await access.credentials();

    expect([first, soon, later].map(({ tls }) => tls.cert?.toString())).toEqual(['old', 'old', 'new']);
  });

  it('come from a file with a token, which is read anew', async () => {
    const clock = new FakeClock();
    const file = join(folder, 'token');
    writeFileSync(file, 'old\n');
    const access = await load(secure, { tokenFile: 'token' }, clock);
    const before = await access.credentials();
    writeFileSync(file, 'new\n');
    await clock.advance(10_000);

    const headers = [before, await access.credentials()].map((one) => one.headers);

    expect(headers).toEqual([{ Authorization: 'Bearer old' }, { Authorization: 'Bearer new' }]);
  });

  it('come from an exec plugin, until what it gave has expired', async () => {
    const clock = new FakeClock();
    const access = await load(
      secure,
      plugin(`
        const { apiVersion, kind, spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
        const runs = require('fs').existsSync(${JSON.stringify(join(folder, 'ran'))}) ? 'again' : 'first';
        require('fs').writeFileSync(${JSON.stringify(join(folder, 'ran'))}, '');
        const expirationTimestamp = ${JSON.stringify(new Date(clock.now() + 60_000).toISOString())};
        console.log(JSON.stringify({ apiVersion, kind, status: { token: runs, expirationTimestamp } }));
      `),
      clock,
    );
    const seen = [];
    for (const waited of [0, 49_999, 10_001]) {
      await clock.advance(waited);
      seen.push((await access.credentials()).headers['Authorization']);
    }

    expect(seen).toEqual(['Bearer first', 'Bearer first', 'Bearer again']);
  });

  it('come from an exec plugin anew when they were refused', async () => {
    const access = await load(
      secure,
      plugin(`
        const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
        console.log(JSON.stringify({ apiVersion, kind, status: { token: String(process.hrtime.bigint()) } }));
      `),
    );
    const first = await access.credentials();

    expect([await access.credentials(), access.renew()]).toEqual([first, true]);
    expect(await access.credentials()).not.toEqual(first);
  });

  it.each<[string, object, string]>([
    [
      'fails',
      plugin("console.error('\\x1b[31mThe session of jane has expired.\\nLog in again'); process.exit(3)"),
      'its exec plugin "COMMAND" failed (exit code 3): The session of jane has expired. Log in again',
    ],
    [
      'shows secrets',
      plugin(
        "console.error('token=canary Bearer canary', process.env.MY_TOKEN, 'Canary/9'.repeat(9)); process.exit(1)",
        { env: [{ name: 'MY_TOKEN', value: 'the canary' }] },
      ),
      '(exit code 1): token=[hidden] Bearer [hidden] [hidden] [hidden]',
    ],
    ['says too much', plugin("console.error('a '.repeat(9_999)); process.exit(1)"), 'a a…'],
    [
      'prints nonsense',
      plugin("console.log('canary')"),
      'printed no ExecCredential of client.authentication.k8s.io/v1',
    ],
    [
      'prints without end',
      plugin("setInterval(() => process.stdout.write('canary'.repeat(99_999)), 1)"),
      '(ERR_CHILD_PROCESS_STDIO_MAXBUFFER)',
    ],
    [
      'is not there',
      { exec: { apiVersion: 'v1', command: 'no-such-program', installHint: 'Install it first.' } },
      'its exec plugin "no-such-program" failed (ENOENT): Install it first.',
    ],
    ['waits for input', plugin("process.stdin.resume().on('end', () => process.exit(4))"), 'exit code 4'],
  ])('of a plugin that %s are an error that says so', async (_, user, words) => {
    const access = await load(secure, user);

    const error = await failure(access.credentials());

    expect(error).toMatchObject({ reason: 'CredentialsUnavailable' });
    expect(String(error)).toContain('user "u"');
    expect(String(error)).toContain(words.replace('COMMAND', process.execPath));
    expect(String(error)).not.toMatch(/canary/i);
    expect(String(error)).not.toContain('\u001b');
    expect(String(error).length).toBeLessThan(1_000);
  });

  it('of an auth provider that has none are an error that says so', async () => {
    const access = await load(secure, {
      'auth-provider': { name: 'oidc', config: { 'client-id': 'canary' } },
    });

    const error = await failure(access.credentials());

    expect(String(error)).toContain('the auth-provider "oidc" gives no token; log in again');
    expect(String(error)).not.toContain('canary');
  });

  it('of an auth provider are its token', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = [part({}), part({ exp: 4_000_000_000 }), 'signature'].join('.');
    const access = await load(secure, {
      'auth-provider': { name: 'oidc', config: { 'id-token': idToken } },
      as: 'jane',
    });

    expect((await access.credentials()).headers).toEqual({
      Authorization: `Bearer ${idToken}`,
      'Impersonate-User': 'jane',
    });
  });

  it('are read again after a refusal, but not all the time', async () => {
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

it('a service account is only read in a pod', async () => {
  expect(readServiceAccount({}, new FakeClock())).toBeUndefined();
});
