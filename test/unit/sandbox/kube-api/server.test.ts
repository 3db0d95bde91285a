import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloudJobCrd } from '../../../../src/api/crd.js';
import { startKubeApi, type KubeApi } from '../../../../src/sandbox/kube-api/server.js';
import { FakeClock } from '../../../support/fakeClock.js';
import { MERGE, RawApi, TABLE } from '../../../support/rawApi.js';
import { until } from '../../../support/until.js';

const CLOUD_JOBS = '/apis/cloudjob.dev/v1alpha1/namespaces/default/cloudjobs';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** What the conformance suite cannot see: the server's limits, its knobs, its end, and the CloudJob definition. */
describe('the embedded Kubernetes API', () => {
  const clock = new FakeClock();
  let home: string;
  let server: KubeApi;
  let api: RawApi;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'kube-api-'));
    server = await startKubeApi({ crds: [cloudJobCrd()], clock, historyLimit: 10 });
    writeFileSync(join(home, 'kubeconfig'), server.kubeconfig);
    api = await RawApi.open(join(home, 'kubeconfig'));
  });

  afterEach(async () => {
    api.close();
    await server.close();
    rmSync(home, { recursive: true });
  });

  function cloudJob(spec: object): object {
    return { apiVersion: 'cloudjob.dev/v1alpha1', kind: 'CloudJob', metadata: { name: 'one' }, spec };
  }

  it('serves CloudJobs with all that their definition says', async () => {
    const created = await api.post(CLOUD_JOBS, cloudJob({ jobID: 'job-1', projectID: 'p' }));
    const moved = await api.patch(`${CLOUD_JOBS}/one`, MERGE, { spec: { jobID: 'job-2' } });
    const dropped = await api.patch(`${CLOUD_JOBS}/one`, MERGE, { spec: { projectID: null } });
    const bad = await api.post(CLOUD_JOBS, cloudJob({ jobID: 'a/b' }));

    expect(created).toMatchObject({ code: 201, body: { status: { observedGeneration: -1 } } });
    expect([moved.code, dropped.code, bad.code]).toEqual([422, 422, 422]);
    expect(bad.body.message).toContain('spec.jobID: Invalid value: "a/b"');
  });

  it('shows ages by its clock', async () => {
    await api.post(CONFIG_MAPS, { metadata: { name: 'a' } });
    clock.step(3 * 60_000);

    const { body } = await api.get(CONFIG_MAPS, TABLE);

    expect(body.rows[0].cells).toEqual(['a', 0, '3m']);
  });

  it('refuses a page of a list that it has forgotten', async () => {
    for (const name of ['a', 'b', 'c']) await api.post(CONFIG_MAPS, { metadata: { name } });
    const { body } = await api.get(`${CONFIG_MAPS}?limit=1`);

    await api.post(CONFIG_MAPS, { metadata: { name: 'd' } });
    server.compactHistory();
    const next = await api.get(`${CONFIG_MAPS}?limit=1&continue=${body.metadata.continue}`);

    expect(next).toMatchObject({ code: 410, body: { reason: 'Expired' } });
  });

  it('forgets the oldest changes by itself', async () => {
    const { body: first } = await api.get(CONFIG_MAPS);
    for (let index = 0; index < 20; index += 1)
      await api.post(CONFIG_MAPS, { metadata: { name: `a${index}` } });

    const events = await api.watch(
      `${CONFIG_MAPS}?watch=1&resourceVersion=${first.metadata.resourceVersion}`,
    );

    expect(events).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
  });

  it('refuses streaming lists as servers without them do', async () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

    expect((await api.get(`${CONFIG_MAPS}?${query}`)).code).toBe(422);
  });

  it('sends a bookmark every minute and ends a watch in time', async () => {
    const watching = api.watch(
      `${CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion=0`,
      undefined,
      async () => {
        await clock.advance(59_000);
        await clock.advance(41_000);
      },
    );

    const events = await watching;

    expect(events.map(({ type }) => type)).toEqual(['BOOKMARK', 'BOOKMARK']);
    expect(clock.pending).toBe(0);
  });

  it('cuts a watcher that does not read', async () => {
    const controller = new AbortController();
    const response = await fetch(`${server.url}${CONFIG_MAPS}?watch=1`, { signal: controller.signal });
    const data = { a: 'x'.repeat(900_000) };

    for (let index = 0; clock.pending > 0 && index < 60; index += 1) {
      await api.post(CONFIG_MAPS, { metadata: { name: `a${index}` }, data });
    }

    await until('the watch to be cut', () => clock.pending === 0);
    controller.abort();
    expect(response.status).toBe(200);
  });

  it('refuses a body that is too large, and lives on', async () => {
    const answer = await api.post(CONFIG_MAPS, {
      metadata: { name: 'a' },
      data: { a: 'x'.repeat(4 * 1024 * 1024) },
    });

    expect(answer).toMatchObject({ code: 413, body: { reason: 'RequestEntityTooLarge' } });
    expect((await api.get('/readyz')).code).toBe(200);
  });

  it('refuses a definition that cannot be served', async () => {
    const definition = (schema: object) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.x.test' },
      spec: {
        group: 'x.test',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    });
    const rule = { 'x-kubernetes-validations': [{ rule: 'self +' }] };

    await expect(startKubeApi({ crds: [definition({ type: 'object', ...rule })] })).rejects.toThrow(
      '.rule: Invalid value',
    );
    await expect(startKubeApi({ crds: [definition({ properties: {} })] })).rejects.toThrow(
      '.type: Required value',
    );
  });

  it('removes the objects of a definition with it', async () => {
    await api.post(CLOUD_JOBS, cloudJob({ jobID: 'job-1' }));

    await api.delete('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cloudjobs.cloudjob.dev');

    expect((await api.get(CLOUD_JOBS)).code).toBe(404);
    expect((await api.get('/apis/cloudjob.dev/v1alpha1')).code).toBe(404);
  });

  it('ends watches and connections when it closes', async () => {
    const watching = api.watch(`${CONFIG_MAPS}?watch=1`, undefined, () => server.close());

    await expect(watching).rejects.toThrow();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    expect(clock.pending).toBe(0);
  });
});
