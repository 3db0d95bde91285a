import https from 'node:https';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { systemClock } from '../../../../src/clock.js';
import { loadClusterAccess } from '../../../../src/kube/access/kubeconfig.js';
import { HttpTransport } from '../../../../src/kube/transport.js';
import { TEST_CA, TEST_CERTIFICATE } from '../../../support/connectProxy.js';
import { runKubectlWith } from '../../../support/kubectl.js';
import { describeWithKubectl } from '../../../support/skips.js';

// Each row is a set of files, read by the real kubectl and by the operator; a server says whom it saw.

const CA = TEST_CA.toString('base64');
let home = '';
let port = 0;
let server: https.Server;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'as-kubectl-'));
  server = https.createServer(TEST_CERTIFICATE, ({ socket, rawHeaders }, response) => {
    const pairs = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? ''] as const] : [],
    );
    const who = pairs.filter(([name]) => /^(authorization|impersonate-)/.test(name));
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({ cluster: nameOf(socket), who: who.map((pair) => pair.join(': ')).toSorted() }),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(home, { recursive: true });
});

/** What the client takes the server for. */
function nameOf(socket: Socket): unknown {
  return socket instanceof TLSSocket ? socket.servername : undefined;
}

/** The server, by one of the names that its certificate has: they tell clusters apart. */
const cluster = (name: 'a' | 'b' | 'c', more: object = {}) => ({
  server: 'https://127.0.0.1:PORT',
  'tls-server-name': { a: 'api.test', b: 'iam.test', c: 'cce.test' }[name],
  'certificate-authority-data': CA,
  ...more,
});

interface Parts {
  readonly current?: string;
  readonly contexts?: Readonly<Record<string, object>>;
  readonly clusters?: Readonly<Record<string, object>>;
  readonly users?: Readonly<Record<string, object | null>>;
}

/** A kubeconfig (JSON is YAML). */
function config({ current, contexts = {}, clusters = {}, users = {} }: Parts): string {
  const list = (kind: string, all: object) =>
    Object.entries(all).map(([name, value]: [string, unknown]) => ({ name, [kind]: value }));
  return JSON.stringify({
    ...(current !== undefined && { 'current-context': current }),
    contexts: list('context', contexts),
    clusters: list('cluster', clusters),
    users: list('user', users),
  });
}

/** One context, one cluster, and the user in question. */
const user = (fields: object | null, more: object = {}): Files => ({
  config: config({
    current: 'here',
    contexts: { here: { cluster: 'c', user: 'u', namespace: 'infra' } },
    clusters: { c: cluster('c', more) },
    users: { u: fields },
  }),
});

const whole = (name: 'a' | 'b', current: string = name) =>
  config({
    current,
    contexts: { [name]: { cluster: 'c', user: 'u' }, shared: { cluster: name, user: 'u' } },
    clusters: { c: cluster(name), [name]: cluster('c') },
    users: { u: { token: `token-${name}` } },
  });

/** Two clusters of one name. */
const TWICE = JSON.stringify({
  'current-context': 'x',
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  clusters: [
    { name: 'c', cluster: cluster('a') },
    { name: 'c', cluster: cluster('b') },
  ],
  users: [{ name: 'u', user: { token: 't' } }],
});

/** Prints a credential whose token is what the script makes of the ExecCredential that it was given. */
const PRINT = (token: string) =>
  `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
   console.log(JSON.stringify({ apiVersion: info.apiVersion, kind: 'ExecCredential', status: { token: ${token} } }));`;
const exec = (fields: object = {}, token = "'from-a-plugin'") => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1',
    interactiveMode: 'IfAvailable',
    command: process.execPath,
    args: ['-e', PRINT(token)],
    ...fields,
  },
});
const PLUGIN = `#!/bin/sh\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-beside-'$EXTRA'"}}'\n`;

type Files = Readonly<Record<string, string>>;

/** Files, and KUBECONFIG as a list of them, by default the first alone. */
const rows: readonly (readonly [what: string, files: Files, list?: readonly string[]])[] = [
  ['two files with the same names: the first value wins', { a: whole('a'), b: whole('b') }, ['a', 'b']],
  ['the same two the other way round', { a: whole('a'), b: whole('b') }, ['b', 'a']],
  [
    'the first current-context that is one, though the second file has it',
    { a: whole('a', ''), b: whole('b') },
    ['a', 'b'],
  ],
  [
    'a context of one file, a cluster of another, a user of a third',
    {
      a: config({ current: 'x', contexts: { x: { cluster: 'y', user: 'z' } } }),
      b: config({ clusters: { y: cluster('b') } }),
      c: config({ users: { z: { token: 't' } } }),
    },
    ['a', 'b', 'c'],
  ],
  [
    'a user of two files: nothing of the second one is taken',
    {
      a: user({ token: 'first' })['config'] ?? '',
      b: config({ users: { u: { as: 'root', tokenFile: 'none' } } }),
    },
    ['a', 'b'],
  ],
  ['a file that is missing', { b: whole('b') }, ['a', 'b']],
  ['a file that is empty', { a: '', b: whole('b') }, ['a', 'b']],
  ['a file of nothing but a comment', { a: '# none\n', b: whole('b') }, ['a', 'b']],
  ['empty entries', { b: whole('b') }, ['', 'b', '']],
  ['a file that is broken', { a: 'users: [', b: whole('b') }, ['b', 'a']],
  ['files that are all missing', {}, ['a', 'b']],
  ['a list of nothing', { a: 'users: null\ncontexts: null\nclusters: null\n' }],
  [
    'paths beside each file',
    {
      'one/a': config({
        current: 'x',
        contexts: { x: { cluster: 'c', user: 'u' } },
        clusters: {
          c: { server: 'https://127.0.0.1:PORT', 'certificate-authority': '../two/ca.crt' },
        },
      }),
      'two/b': config({ users: { u: { tokenFile: 'token' } } }),
      'two/ca.crt': TEST_CA.toString(),
      'two/token': 'beside-b\n',
    },
    ['one/a', 'two/b'],
  ],
  ['a token', user({ token: 'abc' })],
  ['a token of two lines', user({ token: 'abc\r\nX-Remote-User: root' })],
  ['one name twice in a file', { config: TWICE }],
  ['a password', user({ username: 'me', password: 'secret' })],
  [
    'a context whose user is not there',
    {
      config: config({
        current: 'x',
        contexts: { x: { cluster: 'c', user: 'none' } },
        clusters: { c: cluster('c') },
      }),
    },
  ],
  [
    'a context whose cluster is not there',
    { config: config({ current: 'x', contexts: { x: { cluster: 'none' } } }) },
  ],
  ['a current-context that is not there', { config: whole('a', 'none') }],
  ['fields that nobody knows', user({ token: 'abc', comment: 'mine' }, { comment: 'mine' })],
  [
    'a CA of several lines of base64',
    user({ token: 'abc' }, { 'certificate-authority-data': `${CA.slice(0, 64)}\n${CA.slice(64)}\n` }),
  ],
  ['a CA that is no base64', user({ token: 'abc' }, { 'certificate-authority-data': '%' })],
  [
    'a CA in the file and beside it',
    { ...user({ token: 'abc' }, { 'certificate-authority': 'ca.crt' }), 'ca.crt': TEST_CA.toString() },
  ],
  [
    'a CA that is not there',
    user({ token: 'abc' }, { 'certificate-authority-data': '', 'certificate-authority': 'none.crt' }),
  ],
  ['a CA, and not to check', user({ token: 'abc' }, { 'insecure-skip-tls-verify': true })],
  [
    'not to check',
    user({ token: 'abc' }, { 'certificate-authority-data': '', 'insecure-skip-tls-verify': true }),
  ],
  ['a name to check', user({ token: 'abc' }, { 'tls-server-name': 'api.test' })],
  ['a wrong name to check', user({ token: 'abc' }, { 'tls-server-name': 'other.test' })],
  ['a number for a token', user({ token: 5 })],
  ['a token and a password', user({ token: 'abc', username: 'me', password: 'secret' })],
  ['a token file before a token', { ...user({ token: 'old', tokenFile: 'token' }), token: ' new\n' }],
  ['a token file that is not there, and a token', user({ token: 'old', tokenFile: 'token' })],
  ['a token file that is not there', user({ tokenFile: 'token' })],
  ['an empty token file', { ...user({ tokenFile: 'token' }), token: '\n' }],
  ['a token file of somebody else', { ...user({ tokenFile: 'token', as: 'jane' }), token: 'file' }],
  ['somebody else', user({ token: 'abc', as: 'system:serviceaccount:a:b' })],
  [
    'somebody else with uid, groups and extra',
    user({
      token: 'abc',
      as: 'jane',
      'as-uid': '123',
      'as-groups': ['system:masters', 'dev, ops'],
      'as-user-extra': { Reason: ['one', 'two'], 'example.org/scope%': ['x'] },
    }),
  ],
  ['groups without anybody', user({ token: 'abc', 'as-groups': ['system:masters'] })],
  ['extra without anybody', user({ token: 'abc', 'as-user-extra': { a: ['b'] } })],
  ['half a certificate', user({ 'client-certificate-data': TEST_CERTIFICATE.cert.toString('base64') })],
  [
    'a certificate with its key',
    user({
      'client-certificate-data': TEST_CERTIFICATE.cert.toString('base64'),
      'client-key-data': TEST_CERTIFICATE.key.toString('base64'),
    }),
  ],
  ['an exec plugin', user(exec())],
  ['an exec plugin of somebody else', user({ ...exec(), as: 'jane', 'as-groups': ['dev'] })],
  [
    'an exec plugin, and an exec plugin’s environment',
    {
      ...user(exec({ command: './plugin', args: null, env: [{ name: 'EXTRA', value: 'x' }] })),
      plugin: PLUGIN,
    },
  ],
  [
    'an exec plugin beside its file',
    {
      'sub/config': user(exec({ command: 'bin/plugin', args: [] }))['config'] ?? '',
      'sub/bin/plugin': PLUGIN,
    },
    ['sub/config'],
  ],
  ['an exec plugin that is on no path', user(exec({ command: 'no-such-plugin' }))],
  ['an exec plugin without a command', user(exec({ command: '' }))],
  ['an exec plugin without a version', user(exec({ apiVersion: undefined }))],
  [
    'an exec plugin that answers in another version',
    user(
      exec({
        args: [
          '-e',
          `console.log('{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}}')`,
        ],
      }),
    ),
  ],
  [
    'an exec plugin that has nothing',
    user(
      exec({
        args: [
          '-e',
          `console.log('{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}')`,
        ],
      }),
    ),
  ],
  ['an exec plugin that needs a terminal', user(exec({ interactiveMode: 'Always' }))],
  [
    'an exec plugin that wants to know the cluster',
    user(exec({ provideClusterInfo: true }, `Buffer.from(JSON.stringify(info.spec)).toString('base64')`), {
      'tls-server-name': 'api.test',
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'me' } }],
    }),
  ],
  [
    'an exec plugin that wants to know the cluster whose CA is a file',
    {
      ...user(
        exec({ provideClusterInfo: true }, `Buffer.from(JSON.stringify(info.spec)).toString('base64')`),
        {
          'certificate-authority-data': undefined,
          'certificate-authority': 'ca.crt',
        },
      ),
      'ca.crt': TEST_CA.toString(),
    },
  ],
  ['an exec plugin that is not to know it', user(exec({}, `Object.keys(info.spec).join()`))],
  ['an exec plugin and a token', user({ ...exec(), token: 'abc' })],
];

describeWithKubectl('a server sees whom it sees with kubectl, with', () => {
  it.each(rows)('%s', async (_, files, list = [Object.keys(files)[0] ?? '']) => {
    const folder = mkdtempSync(join(home, 'case-'));
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content.replaceAll('PORT', String(port)));
      chmodSync(file, 0o700);
    }
    const KUBECONFIG = list.map((name) => name && join(folder, name)).join(':');

    const kubectl = await seenByKubectl(folder, KUBECONFIG);

    expect(await seenFrom(KUBECONFIG)).toEqual(kubectl);
    // The files as kubectl puts them together; it leaves relative paths as they are.
    if (list.length === 1 || kubectl === 'refused' || KUBECONFIG.includes('/one/')) return;
    const { stdout } = await runKubectlWith({ KUBECONFIG }, folder, ['config', 'view', '--merge', '--raw']);
    const merged = join(folder, 'merged');
    writeFileSync(merged, stdout);
    expect(await seenFrom(merged)).toEqual(kubectl);
  });
});

async function seenByKubectl(folder: string, KUBECONFIG: string): Promise<unknown> {
  const { code, stdout } = await runKubectlWith({ KUBECONFIG }, folder, ['get', '--raw', '/whoami']);
  return code === 0 ? JSON.parse(stdout) : 'refused';
}

async function seenFrom(KUBECONFIG: string): Promise<unknown> {
  try {
    const access = await loadClusterAccess(undefined, systemClock, undefined, { KUBECONFIG });
    const transport = new HttpTransport({ access, clock: systemClock, userAgent: 'test' });
    try {
      const request = { method: 'GET', path: '/whoami' } as const;
      return await transport.request(request, new AbortController().signal);
    } finally {
      transport.close();
    }
  } catch {
    return 'refused';
  }
}
