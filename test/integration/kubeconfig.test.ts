import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { dump, load } from 'js-yaml';
import { RawApi } from '../support/rawApi.js';
import { hasKubectl, runKubectlWith } from '../support/kubectl.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';

/** Somebody whom nobody has granted anything, as the user of the kubeconfig acts. */
const NOBODY = { as: 'nobody' };
const WRITES = ['auth', 'can-i', 'delete', 'namespaces'];

describeWhen(
  hasKubectl && realKubeconfig !== undefined,
  'the embedded Kubernetes API knows no impersonation',
)('an API server grants what it grants to kubectl', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-kubeconfig-'));
  afterAll(() => rmSync(home, { recursive: true }));

  it.each<[string, object, boolean]>([
    ['to the user of the kubeconfig', {}, true],
    ['to somebody else', NOBODY, false],
    ['to somebody else in a group', { ...NOBODY, 'as-groups': ['dev', 'system:masters'] }, true],
    ['to somebody else in a group of two names', { ...NOBODY, 'as-groups': ['dev,system:masters'] }, false],
    ['to somebody else with more about them', { ...NOBODY, 'as-user-extra': { scopes: ['a', 'b'] } }, false],
  ])('%s', async (_, more, allowed) => {
    const kubeconfig = load(readFileSync(realKubeconfig ?? '', 'utf8')) as { users: { user: object }[] };
    for (const one of kubeconfig.users) Object.assign(one.user, more);
    const file = join(home, 'acting.kubeconfig');
    writeFileSync(file, dump(kubeconfig));

    const kubectl = await runKubectlWith({ KUBECONFIG: file }, home, WRITES);
    const api = await RawApi.open(file);
    const answer = await api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb: 'delete', resource: 'namespaces' } },
    });

    expect(kubectl.stdout.trim()).toBe(allowed ? 'yes' : 'no');
    expect(answer.body.status.allowed).toBe(allowed);
  });
});
