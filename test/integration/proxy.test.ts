import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectProxy, TEST_CA_FILE, TEST_CERTIFICATE } from '../support/connectProxy.js';
import { reports } from '../support/jobs.js';
import { has, World } from '../support/world.js';

const PASSWORD = 'canary-proxy-password';
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let world: World;
let folder: string;
/** The scripted cloud, in TLS, under the name `cce.test`, which nobody but the proxy can resolve. */
let cloud: https.Server;

beforeAll(async () => {
  world = await World.start();
  folder = mkdtempSync(join(tmpdir(), 'proxy-test-'));
  cloud = https.createServer(TEST_CERTIFICATE, (request, response) => {
    const { method, headers, url = '/' } = request;
    const onward = http.request(`${world.cloud.url}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => {
    cloud.listen(0, '127.0.0.1', resolve);
  });
}, 90_000);

afterAll(async () => {
  await world?.stop();
  cloud.closeAllConnections();
  cloud.close();
  rmSync(folder, { recursive: true });
}, 60_000);

/** The world's config, with the cloud behind the proxy. */
function writeConfig(): string {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, readFileSync(world.configFile, 'utf8').replaceAll(world.cloud.url, 'https://cce.test'));
  return file;
}

/** Beside the world's operator: a kubeconfig that names a proxy. */
function writeKubeconfig(proxy: ConnectProxy): string {
  const text = readFileSync(world.writeKubeconfig('behind-a-proxy.kubeconfig'), 'utf8');
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, text.replaceAll(/^( *)server: /gm, `$1proxy-url: ${withPassword(proxy)}\n$1server: `));
  return file;
}

function withPassword({ url }: ConnectProxy): string {
  return url.replace('//', `//user:${PASSWORD}@`);
}

describe.each([false, true])('an operator behind a proxy (https: %s)', (secure) => {
  let forCloud: ConnectProxy;
  let forCluster: ConnectProxy;

  beforeEach(async () => {
    forCloud = await ConnectProxy.start((cloud.address() as AddressInfo).port, { secure });
    forCluster = await ConnectProxy.start(world.apiDoor.port, { secure });
    await world.startOperator([], {
      configFile: writeConfig(),
      kubeconfigFile: writeKubeconfig(forCluster),
      env: {
        NODE_EXTRA_CA_CERTS: TEST_CA_FILE,
        HTTPS_PROXY: withPassword(forCloud),
        NO_PROXY: '.otc.t-systems.com',
      },
    });
  }, 60_000);

  afterEach(async () => {
    await world.stopOperator();
    await forCloud.stop();
    await forCluster.stop();
  });

  it('follows jobs through few tunnels, says so once, and is right again after a refusal', async () => {
    const jobID = `proxied-${String(secure)}`;
    world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Running' }));
    const ref = await world.follow(await world.namespace(), jobID, { observationDeadlineSeconds: 5 });
    await world.untilStatus(ref, 'is Running', ({ phase }) => phase === 'Running');
    for (let turn = 0; turn < 5; turn += 1) await world.pollNow(ref);

    expect(new Set(forCloud.targets)).toEqual(new Set(['cce.test:443']));
    expect(forCloud.targets.length).toBeLessThanOrEqual(2);
    expect(new Set(forCloud.credentials)).toEqual(
      new Set([`Basic ${Buffer.from(`user:${PASSWORD}`).toString('base64')}`]),
    );
    expect(forCluster.targets.length).toBeGreaterThan(0);
    expect([forCloud.others, forCluster.others]).toEqual([[], []]);
    const lines = world.operator.log
      .filter((line) => line.includes('cloud proxy') || line.includes('kubernetes proxy'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { level: 'info', message: 'kubernetes proxy', proxy: forCluster.url },
      { level: 'info', message: 'cloud proxy', proxy: forCloud.url },
    ]);
    expect(lines[1]?.['regions']).toContain('lab-0');
    expect(lines[1]?.['regions']).not.toContain('eu-de');

    forCloud.treat = { status: 407, body: JSON.stringify({ kind: 'Job', status: { phase: 'Success' } }) };
    forCloud.cut();
    const refused = await world.untilStatus(ref, 'is refused', (s) => has(s, 'Stalled', 'True'));
    expect(refused.status.phase).toBe('Running');
    expect(JSON.stringify(refused.status.conditions)).toContain(
      `the proxy ${forCloud.url} answers 407 to CONNECT cce.test:443: it needs credentials`,
    );

    forCloud.treat = 'open';
    forCluster.cut();
    world.cloud.answer(jobID, reports({ uid: jobID, type: 'CreateNode', phase: 'Success' }));
    await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
    expect(world.operator.log.join('\n')).not.toContain(PASSWORD);
  }, 120_000);
});

describe('a proxy that cannot be used', () => {
  it.each([
    ['HTTPS_PROXY', 'HTTPS_PROXY: socks5:// proxies are not supported'],
    ['http_proxy', 'http_proxy: socks5:// proxies are not supported'],
  ])('ends the operator at once with one line (%s)', (variable, words) => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'run', '--config', world.configFile], {
      env: { PATH: process.env['PATH'], [variable]: `socks5://user:${PASSWORD}@proxy.test:1080` },
      encoding: 'utf8',
    });

    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^cloudjob-operator: ${words}; allowed: .*\\n$`));
    expect(stderr).not.toContain(PASSWORD);
  });
});
