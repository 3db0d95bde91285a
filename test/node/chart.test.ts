import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TOOLS_PATH } from '../../scripts/tools.mjs';
import { describeOnNodes, kubectl, NAMESPACE, pods, run, uninstall, type Ran } from './nodes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs that command line of Helm, in the folder of the project. */
function helm(line: string): Promise<Ran> {
  return run(['env', `PATH=${TOOLS_PATH}`, 'sh', '-euc', `cd ${root}; ${line}`]);
}

/** The command of README.md that installs the chart from a clone. */
function commandOfReadme(): string {
  const readme = readFileSync(`${root}README.md`, 'utf8');
  return /`(helm install \S+ deploy\/chart [^`]*)`/.exec(readme)?.[1] ?? 'there is none';
}

/** The tests are the life of one release, in this order. */
describeOnNodes('a release of the chart', () => {
  // Helm takes over no CRD that it has not installed.
  beforeAll(() => kubectl(['delete', 'crd', 'cloudjobs.cloudjob.dev', '--ignore-not-found']));
  afterAll(uninstall);

  it('has two replicas that are ready on two nodes when Helm has waited for it', async () => {
    const { code, stderr } = await helm(`${commandOfReadme()} --set replicas=2 --wait --timeout=100s`);
    const replicas = await pods();

    expect(code === 0 ? '' : stderr).toBe('');
    expect(replicas.map(({ status }) => status.containerStatuses?.[0].ready)).toEqual([true, true]);
    expect(new Set(replicas.map(({ spec }) => spec.nodeName)).size).toBe(2);
  });

  it('passes its own test', async () => {
    const { code, stdout, stderr } = await helm(
      `helm test cloudjob-operator -n ${NAMESPACE} --timeout=100s --logs`,
    );

    expect(code === 0 ? '' : stderr).toBe('');
    expect(stdout).toContain('the Lease cloudjob-operator is held and renewed');
  });

  it('leaves the CRD, and with it all CloudJobs, when it is uninstalled', async () => {
    const { code, stderr } = await helm(`helm uninstall cloudjob-operator -n ${NAMESPACE} --wait`);

    expect(code === 0 ? '' : stderr).toBe('');
    expect(await kubectl(['get', 'crd', '-o', 'name'])).toContain('cloudjobs.cloudjob.dev');
    expect(await kubectl(['-n', NAMESPACE, 'get', 'deployments', '-o', 'name'])).toBe('');
  });
});
