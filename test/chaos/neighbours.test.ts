import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';
import { crdYaml } from '../../src/api/crd.js';
import { ApiProxy } from '../support/apiProxy.js';
import { reports } from '../support/jobs.js';
import type { OperatorProcess } from '../support/operatorProcess.js';
import { hasKubectl } from '../support/kubectl.js';
import { itWhen, realKubeconfig } from '../support/skips.js';
import { until } from '../support/until.js';
import { World } from '../support/world.js';

// What others do to the things beside the operator. Each time it works on: the next CloudJob is followed to its end.

const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cloudjobs.cloudjob.dev';
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

let world: World;
let door: ApiProxy;
let operator: OperatorProcess;
let namespace: string;
beforeAll(async () => {
  world = await World.start();
  door = await ApiProxy.start(world.upstream);
  namespace = await world.namespace();
  operator = world.launch({ door: door.port, namespaces: [namespace] });
  await operator.working();
}, 90_000);
afterAll(async () => {
  await world?.stop();
  await door?.stop();
}, 60_000);

let followed = 0;
/** Follows a new job until it has ended. */
async function followsTheNext(): Promise<void> {
  const jobID = `next-${followed++}`;
  world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
  const ref = await world.follow(namespace, jobID);
  await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success', 60_000);
  expect(operator.exit).toBeUndefined();
}

describe('the operator works on', () => {
  it('when a CloudJob that it deletes is held by the finalizer of somebody else', async () => {
    const jobID = 'held';
    world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
    const ref = await world.follow(namespace, jobID, { ttlSecondsAfterFinished: 5 });
    await world.patch(ref, { metadata: { finalizers: ['example.com/hold'] } });
    await until('it to be deleted', async () => 'deletionTimestamp' in (await world.get(ref)).metadata);
    const before = await world.get(ref);
    const polls = world.cloud.requests(jobID).length;

    await followsTheNext();
    await delay(2_000);

    // Neither written nor polled again, and nothing is lost.
    expect((await world.get(ref)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(world.cloud.requests(jobID)).toHaveLength(polls);
    await world.patch(ref, { metadata: { finalizers: null } });
    await until('it to be gone', async () => (await world.client.get(pathOf(jobID))).status === 404);
  }, 90_000);

  itWhen(hasKubectl, 'kubectl is not installed')(
    'when a CloudJob is exported, replaced by its export, deleted and created from it again',
    async () => {
      const jobID = 'exported';
      world.cloud.answer(jobID, reports({ uid: jobID, phase: 'Success' }));
      const ref = await world.follow(namespace, jobID);
      const done = await world.untilStatus(ref, 'is Success', ({ phase }) => phase === 'Success');
      const yaml = (await world.kubectl(['-n', namespace, 'get', 'cjob', ref.name, '-o', 'yaml'])).stdout;

      expect((await world.kubectl(['replace', '-f', '-'], yaml)).stderr).toBe('');
      await followsTheNext();
      expect((await world.get(ref)).status).toEqual(done.status);

      await world.delete(ref);
      const { stderr } = await world.kubectl(
        ['create', '-f', '-'],
        yaml.replace(/^  (resourceVersion|uid): .*\n/gm, ''),
      );
      expect(stderr).toBe('');
      const again = await world.untilStatus(ref, 'is Success again', ({ phase }) => phase === 'Success');
      expect(again.metadata.uid).not.toBe(done.metadata.uid);
    },
  );

  const leases = () => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const listSchema = z.object({
    items: z.array(
      z.looseObject({
        metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
        spec: z.looseObject({}),
      }),
    ),
  });
  const listLeases = async () => listSchema.parse((await world.client.get(leases())).body).items;

  it('when its Lease is deleted', async () => {
    for (const { metadata } of await listLeases()) await world.client.delete(`${leases()}/${metadata.name}`);

    await followsTheNext();
    await until('a Lease to be there again', async () => (await listLeases()).length > 0, 30_000);
  }, 90_000);

  it.each<[string, object]>([
    ['with other numbers', { leaseTransitions: 9, leaseDurationSeconds: 1 }],
    ['with times of long ago', { renewTime: '2001-01-01T00:00:00.000000Z', acquireTime: null }],
    ['with a time that is far off', { renewTime: '2099-01-01T00:00:00.000000Z' }],
  ])(
    'when its Lease is edited %s',
    async (_, spec) => {
      for (const { metadata } of await listLeases()) {
        await world.client.mergePatch(`${leases()}/${metadata.name}`, { spec });
      }

      await followsTheNext();
      await delay(5_000);
      await followsTheNext();
    },
    90_000,
  );

  it('when its Lease is restored from a backup', async () => {
    const backup = await listLeases();
    await delay(5_000);
    for (const { metadata, spec } of backup) {
      await world.client.delete(`${leases()}/${metadata.name}`);
      const { name } = metadata;
      await world.client.post(leases(), {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec,
      });
    }

    await followsTheNext();
    await delay(5_000);
    await followsTheNext();
  }, 90_000);

  itWhen(hasPrlimit, 'prlimit is not installed')('when it may open no more files for a while', async () => {
    const open = readdirSync(`/proc/${operator.pid}/fd`).length;
    const limits = readFileSync(`/proc/${operator.pid}/limits`, 'utf8');
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    const limit = (files: string): void => {
      expect(spawnSync('prlimit', ['--pid', String(operator.pid), `--nofile=${files}:`]).status).toBe(0);
    };
    limit(String(open));
    // Connections that are open do not count: they end, and no other can be had.
    door.cut();
    await delay(5_000);
    limit(soft);

    await followsTheNext();
  });

  itWhen(realKubeconfig === undefined, 'the API server has the CloudJobs of other suites, too')(
    'when the CRD is deleted and created again',
    async () => {
      await world.client.delete(CRD);
      await until('the watch to fail', () =>
        operator.log.some((line) => line.includes('list or watch interrupted')),
      );
      const crd = load(crdYaml()) as object;
      await world.client.post(CRD.replace(/\/[^/]*$/, ''), crd);
      await until('CloudJobs to be served', async () => (await world.client.get(pathOf(''))).status === 200);

      await followsTheNext();
    },
  );
});

function pathOf(name: string): string {
  return `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs${name && `/${name}`}`;
}
