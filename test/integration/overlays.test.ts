import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { dump, loadAll } from 'js-yaml';
import { OPERATOR_NAMESPACE, type Manifest } from '../support/install.js';
import { hasKubectl } from '../support/kubectl.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { World } from '../support/world.js';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

describeWhen(
  hasKubectl && realKubeconfig !== undefined,
  'the embedded Kubernetes API knows no Deployments and no policies',
)('an API server takes', () => {
  let world: World;
  let namespace: string;
  beforeAll(async () => {
    world = await World.start();
    namespace = await world.namespace();
    // What is tried out is not kept; another suite may have made it already.
    await world.kubectl(['create', 'namespace', OPERATOR_NAMESPACE]);
  }, 90_000);
  afterAll(async () => world?.stop(), 60_000);

  it.each(['all-namespaces', 'one-namespace', 'high-availability'])('the overlay %s', async (overlay) => {
    const { stdout } = await world.kubectl(['kustomize', `${DEPLOY}overlays/${overlay}`]);
    // The namespace whose CloudJobs `one-namespace` follows has to be there.
    const manifests = loadAll(stdout.replaceAll('namespace: infra', `namespace: ${namespace}`)) as Manifest[];
    const served = (await world.kubectl(['api-versions'])).stdout.split('\n');
    const objects = manifests
      // It has tests of its own.
      .filter(({ kind }) => kind !== 'CustomResourceDefinition')
      // Before Kubernetes 1.21 its one version was another, with the same fields.
      .map((object) =>
        object.kind === 'PodDisruptionBudget' && !served.includes('policy/v1')
          ? { ...object, apiVersion: 'policy/v1beta1' }
          : object,
      );

    // kubectl holds them to the server's OpenAPI first.
    const {
      code,
      stdout: taken,
      stderr,
    } = await world.kubectl(
      ['apply', '--dry-run=server', '-f', '-'],
      objects.map((object) => dump(object)).join('---\n'),
    );

    expect(code === 0 ? '' : stderr).toBe('');
    expect(taken.match(/\(server dry run\)$/gm)).toHaveLength(objects.length);
    expect(taken).toContain('deployment.apps/cloudjob-operator');
  });
});
