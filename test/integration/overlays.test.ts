import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { dump, load, loadAll } from 'js-yaml';
import { codeBlocks, readGuide } from '../support/guide.js';
import { OPERATOR_NAMESPACE, type Manifest } from '../support/install.js';
import { hasKubectl } from '../support/kubectl.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { World } from '../support/world.js';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));
const OVERLAYS = readdirSync(`${DEPLOY}overlays`);
const COMPONENTS = readdirSync(`${DEPLOY}components`);

describeWhen(
  hasKubectl && realKubeconfig !== undefined,
  'the embedded Kubernetes API knows no Deployments and no policies',
)('an API server takes', () => {
  let world: World;
  let namespace: string;
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-overlay-'));
  beforeAll(async () => {
    world = await World.start();
    namespace = await world.namespace();
    // What is tried out is not kept; another suite may have made it already.
    await world.kubectl(['create', 'namespace', OPERATOR_NAMESPACE]);
  }, 90_000);
  afterAll(async () => {
    rmSync(home, { recursive: true });
    await world?.stop();
  }, 60_000);

  it('the folder of the CRD', async () => {
    const { code, stdout, stderr } = await world.kubectl(['apply', '--dry-run=server', '-f', CRDS]);

    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('(server dry run)') });
    expect(stderr).not.toContain('rror');
  });

  it.each([
    ...OVERLAYS.map((overlay) => ({ overlay, components: [] })),
    ...COMPONENTS.map((component) => ({ overlay: 'one-namespace', components: [component] })),
  ])('the overlay $overlay with $components', async ({ overlay, components }) => {
    const deploy = relative(home, DEPLOY);
    const kustomization = {
      resources: [join(deploy, 'overlays', overlay)],
      components: components.map((name) => join(deploy, 'components', name)),
    };
    writeFileSync(join(home, 'kustomization.yaml'), dump(kustomization));
    const { stdout } = await world.kubectl(['kustomize', home]);
    // The namespace whose CloudJobs `one-namespace` follows has to be there.
    const manifests = loadAll(stdout.replaceAll('namespace: infra', `namespace: ${namespace}`)) as Manifest[];
    const served = (await world.kubectl(['api-versions'])).stdout.split('\n');
    const objects = manifests
      // The first has tests of its own, the others are known where the Prometheus operator is.
      .filter(({ kind }) => !/^(CustomResourceDefinition|ServiceMonitor|PrometheusRule)$/.test(kind))
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

describeWhen(hasKubectl && realKubeconfig !== undefined, 'the embedded Kubernetes API knows no rights')(
  'the part for kube-state-metrics',
  () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start();
    }, 90_000);
    afterAll(async () => world?.stop(), 60_000);

    it('lets it list and watch CloudJobs everywhere, and no more', async () => {
      const namespace = await world.namespace();
      const { stdout } = await world.kubectl(['kustomize', `${DEPLOY}monitoring/kube-state-metrics`]);
      const manifests = stdout.replaceAll('namespace: monitoring', `namespace: ${namespace}`);
      const account = `system:serviceaccount:${namespace}:kube-state-metrics`;
      const may = async (...what: readonly string[]): Promise<string> =>
        (await world.kubectl(['auth', 'can-i', ...what, '-A', '--as', account])).stdout.trim();
      try {
        expect((await world.kubectl(['apply', '-f', '-'], manifests)).stderr).toBe('');

        for (const verb of ['list', 'watch']) {
          expect(await may(verb, 'cloudjobs.cloudjob.dev')).toBe('yes');
          expect(await may(verb, 'customresourcedefinitions.apiextensions.k8s.io')).toBe('yes');
        }
        expect(await may('update', 'cloudjobs.cloudjob.dev')).toBe('no');
        expect(await may('list', 'secrets')).toBe('no');
      } finally {
        await world.kubectl(['delete', '--ignore-not-found', '-f', '-'], manifests);
      }
    }, 60_000);
  },
);

/** What the guide has people add over one-namespace. */
function recipe(): object {
  const yaml = codeBlocks(readGuide('install.md'), 'yaml').find((block) =>
    block.includes('over one-namespace'),
  );
  return load(yaml ?? '') as object;
}

describeWhen(hasKubectl && realKubeconfig !== undefined, 'the embedded Kubernetes API knows no rights')(
  'the rights go along with another namespace and another name',
  () => {
    let world: World;
    const home = mkdtempSync(join(tmpdir(), 'cloudjob-renamed-'));
    beforeAll(async () => {
      world = await World.start();
    }, 90_000);
    afterAll(async () => {
      rmSync(home, { recursive: true });
      await world?.stop();
    }, 60_000);

    it.each(OVERLAYS)(
      'of the overlay %s',
      async (overlay) => {
        const own = await world.namespace();
        const followed = await world.namespace();
        const isNarrow = overlay === 'one-namespace';
        const kustomization = {
          namespace: own,
          namePrefix: `${own}-`,
          resources: [join(relative(home, DEPLOY), 'overlays', overlay)],
          ...(isNarrow ? recipe() : {}),
        };
        writeFileSync(join(home, 'kustomization.yaml'), dump(kustomization));
        const { stdout } = await world.kubectl(['kustomize', home]);
        const rights = (loadAll(stdout.replaceAll('infra', followed)) as Manifest[])
          .filter(({ kind }) => /^(ServiceAccount|(Cluster)?Role(Binding)?)$/.test(kind))
          .map((object) => dump(object))
          .join('---\n');
        const account = `system:serviceaccount:${own}:${own}-cloudjob-operator`;
        const may = async (namespace: string, ...what: readonly string[]): Promise<string> =>
          (await world.kubectl(['auth', 'can-i', ...what, '-n', namespace, '--as', account])).stdout.trim();
        try {
          expect((await world.kubectl(['apply', '-f', '-'], rights)).stderr).toBe('');

          for (const right of [
            ['watch', 'cloudjobs.cloudjob.dev'],
            ['update', 'cloudjobs.cloudjob.dev', '--subresource=status'],
            ['delete', 'cloudjobs.cloudjob.dev'],
            ['get', 'secrets'],
          ]) {
            const answer = [await may(followed, ...right), await may('default', ...right)];
            expect([...right, ...answer]).toEqual([...right, 'yes', isNarrow ? 'no' : 'yes']);
          }
          expect(await may(own, 'patch', 'leases.coordination.k8s.io')).toBe('yes');
        } finally {
          await world.kubectl(['delete', '--ignore-not-found', '-f', '-'], rights);
        }
      },
      60_000,
    );
  },
);
