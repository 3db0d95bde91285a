import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startApi, type Api } from '../support/api.js';
import { CHART, hasHelm, runHelm } from '../support/helm.js';
import { hasKubectl, runKubectl } from '../support/kubectl.js';
import { describeWhen } from '../support/skips.js';
import { until } from '../support/until.js';

const CRD = 'crd/cloudjobs.cloudjob.dev';
const RELEASE = 'chart-test-cloudjob-operator';
const NAMESPACE = 'chart-test';

describeWhen(hasHelm && hasKubectl, 'helm or kubectl is not installed')('a release of the Helm chart', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-release-'));
  /** The chart as an older version had it: without one field of the CRD. */
  const before = join(home, 'before');
  let api: Api;

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runKubectl(api.kubeconfigFile, home, args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function helm(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runHelm(api.kubeconfigFile, home, [...args, '-n', NAMESPACE]);
    if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  const knowsField = async (): Promise<boolean> =>
    (await kubectl('get', CRD, '-o', 'json')).includes('"lastHandledReconcileAt":');
  const imageOf = async (): Promise<string> =>
    kubectl('-n', NAMESPACE, 'get', 'deploy', RELEASE, '-o', 'jsonpath={..image}');

  beforeAll(async () => {
    api = await startApi(home);
    cpSync(CHART, before, { recursive: true });
    for (const [file, now, then] of [
      ['Chart.yaml', /^(version|appVersion): .*$/gm, '$1: 0.0.1'],
      ['templates/crd.yaml', /^( +)lastHandledReconcileAt:\n(?:\1 .*\n)+/gm, ''],
    ] as const) {
      writeFileSync(join(before, file), readFileSync(join(before, file), 'utf8').replaceAll(now, then));
    }
    // What another suite on the same API server has left belongs to no release.
    await kubectl('delete', CRD, '--ignore-not-found');
    await kubectl('delete', 'clusterrole', 'cloudjob-viewer', 'cloudjob-editor', '--ignore-not-found');
  }, 60_000);

  afterAll(async () => {
    await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false');
    await api.stop();
    rmSync(home, { recursive: true });
  }, 60_000);

  it('is installed with one command, upgraded with its CRD, and rolled back', async () => {
    const notes = await helm('install', 'chart-test', before, '--create-namespace');
    expect(notes).toContain(`kubectl -n ${NAMESPACE} rollout status deploy/${RELEASE}`);
    expect(await imageOf()).toMatch(/:0\.0\.1$/);
    expect(await knowsField()).toBe(false);

    await helm('upgrade', 'chart-test', CHART, '--set', 'config.defaultRegion=eu-de');
    expect(await imageOf()).not.toMatch(/:0\.0\.1$/);
    expect(await knowsField()).toBe(true);

    await helm('rollback', 'chart-test', '1');
    expect(await imageOf()).toMatch(/:0\.0\.1$/);
    expect(await knowsField()).toBe(false);
  }, 120_000);

  it('leaves the CRD and the CloudJobs when it is uninstalled, and takes them over again', async () => {
    await helm('upgrade', '--install', 'chart-test', CHART, '--create-namespace');
    const cloudJob = {
      apiVersion: 'cloudjob.dev/v1alpha1',
      kind: 'CloudJob',
      metadata: { name: 'kept', namespace: NAMESPACE },
      spec: { jobID: 'kept' },
    };
    await until('the CRD to be served', async () => {
      const { code } = await runKubectl(
        api.kubeconfigFile,
        home,
        ['apply', '-f', '-'],
        JSON.stringify(cloudJob),
      );
      return code === 0;
    });

    await helm('uninstall', 'chart-test');

    expect(await kubectl('-n', NAMESPACE, 'get', 'deploy,sa', '-o', 'name')).not.toContain(RELEASE);
    expect(await kubectl('-n', NAMESPACE, 'get', 'cjob', '-o', 'name')).toBe('cloudjob.cloudjob.dev/kept\n');
    await helm('install', 'chart-test', CHART);
    expect(await kubectl('-n', NAMESPACE, 'get', 'cjob', '-o', 'name')).toBe('cloudjob.cloudjob.dev/kept\n');
    await helm('uninstall', 'chart-test');
  }, 120_000);
});
