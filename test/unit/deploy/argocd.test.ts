import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';
import { readCloudJob } from '../../../src/api/cloudjob.js';
import { requestedAt } from '../../../src/reconcile/cloudJob.js';
import { kubeObjectSchema } from '../../support/kubeClient.js';
import { LUA_NOW, runLua } from '../../support/lua.js';
import { expectSound } from '../../support/soundStatus.js';
import { argocdHealth } from '../../support/waiting/argocd.js';

// The two *_test.yaml files are those that Argo CD's own tests read, too, when the folder is put among its
// resource_customizations; here they are read the same way.
const FOLDER = new URL('../../../deploy/gitops/argocd/cloudjob.dev/CloudJob/', import.meta.url);
const ACTIONS = new URL('actions/', FOLDER);

const healthTests = z
  .strictObject({
    tests: z.array(
      z.strictObject({
        inputPath: z.string(),
        healthStatus: z.strictObject({ status: z.string(), message: z.string() }),
      }),
    ),
  })
  .parse(load(read('health_test.yaml'))).tests;

const { discoveryTests, actionTests } = z
  .strictObject({
    discoveryTests: z.array(
      z.strictObject({
        inputPath: z.string(),
        result: z.array(z.strictObject({ name: z.string(), disabled: z.boolean() })),
      }),
    ),
    actionTests: z.array(
      z.strictObject({ action: z.string(), inputPath: z.string(), expectedOutputPath: z.string() }),
    ),
  })
  .parse(load(read('action_test.yaml', ACTIONS)));

describe('the health of a CloudJob in Argo CD', () => {
  it.each(healthTests.map((test) => [test.inputPath, test] as const))(
    '%s',
    async (path, { healthStatus }) => {
      expect(await argocdHealth(read('health.lua'), load(read(path)))).toEqual(healthStatus);
    },
  );

  it.each(healthTests.map(({ inputPath }) => inputPath))(
    '%s is a status that the operator writes',
    (path) => {
      expect(() => expectSound(kubeObjectSchema.parse(load(read(path))), [])).not.toThrow();
    },
  );

  it('is tested on every file of the testdata', () => {
    const files = readdirSync(new URL('testdata/', FOLDER)).map((name) => `testdata/${name}`);

    expect(healthTests.map(({ inputPath }) => inputPath).toSorted()).toEqual(files.toSorted());
  });

  it('goes on for an object that was stored without a status', async () => {
    const { status: _, ...object } = kubeObjectSchema.parse(load(read('testdata/fresh.yaml')));

    expect(await argocdHealth(read('health.lua'), object)).toMatchObject({ status: 'Progressing' });
  });
});

describe('the actions on a CloudJob in Argo CD', () => {
  it.each(discoveryTests.map((test) => [test.inputPath, test] as const))(
    'are offered as %s allows',
    async (path, { result }) => {
      const offered = await runLua(read('discovery.lua', ACTIONS), load(read(path, ACTIONS)));

      expect(offered).toEqual(Object.fromEntries(result.map(({ name, disabled }) => [name, { disabled }])));
    },
  );

  it.each(actionTests.map((test) => [`${test.action} ${test.inputPath}`, test] as const))(
    '%s',
    async (_name, { action, inputPath, expectedOutputPath }) => {
      const changed = await runLua(read(`${action}/action.lua`, ACTIONS), load(read(inputPath, ACTIONS)));

      expect(changed).toEqual(load(read(expectedOutputPath, ACTIONS)));
    },
  );

  it('request a poll in the way that the operator understands', async () => {
    const object = load(read('testdata/running.yaml'));

    const changed = await runLua(read('refresh/action.lua', ACTIONS), object);

    expect(requestedAt(readCloudJob(changed))).toBe(LUA_NOW.toISOString().replace('.000', ''));
  });
});

describe('argocd-cm.yaml', () => {
  const { data } = z
    .object({
      kind: z.literal('ConfigMap'),
      metadata: z.object({ name: z.literal('argocd-cm'), namespace: z.literal('argocd') }),
      data: z.record(z.string(), z.string()),
    })
    .parse(load(read('../../argocd-cm.yaml')));
  const customizations = new Map(
    Object.entries(data).map(([key, value]) => [
      /^resource\.customizations\.(\w+)\.cloudjob\.dev_CloudJob$/.exec(key)?.[1],
      value,
    ]),
  );

  it('holds the health check that is tested', () => {
    expect(customizations.get('health')).toBe(read('health.lua'));
  });

  it('holds the actions that are tested', () => {
    expect(load(customizations.get('actions') ?? '')).toEqual({
      'discovery.lua': read('discovery.lua', ACTIONS),
      definitions: ['refresh', 'suspend', 'resume'].map((name) => ({
        name,
        'action.lua': read(`${name}/action.lua`, ACTIONS),
      })),
    });
  });

  it('ignores what people suspend, and the status when it compares', () => {
    expect(load(customizations.get('ignoreDifferences') ?? '')).toEqual({ jsonPointers: ['/spec/suspend'] });
    expect(load(customizations.get('ignoreResourceUpdates') ?? '')).toEqual({ jsonPointers: ['/status'] });
    expect(customizations.size).toBe(4);
  });
});

function read(path: string, folder = FOLDER): string {
  return readFileSync(new URL(path, folder), 'utf8');
}
