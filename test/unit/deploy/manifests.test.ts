import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { dump, load, loadAll } from 'js-yaml';
import { imageFlags } from '../../support/image.js';
import { readManifests, type Manifest } from '../../support/install.js';
import { describeWithKubectl } from '../../support/skips.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const install = readManifests();
const deployment = install.find(({ kind }) => kind === 'Deployment');

describe('Dockerfile', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const flags = imageFlags();

  it('starts the operator with no flags but those that Node knows', () => {
    expect(spawnSync(process.execPath, [...flags, '--eval', ''])).toMatchObject({ status: 0 });
  });

  it('runs as a user who is a number, and not root', () => {
    expect(dockerfile).toMatch(/^USER 65532:65532$/m);
  });

  it('starts it in the same way once while the image is built', () => {
    expect(dockerfile).toContain(`RUN ${['node', ...flags, 'dist/main.js'].join(' ')} crd`);
    expect(dockerfile).toMatch(/^ENTRYPOINT .*"\/app\/dist\/main\.js"\]$/m);
  });
});

describe('deploy/install.yaml', () => {
  it('requests no right on everything', () => {
    for (const { rules = [] } of install) expect(JSON.stringify(rules)).not.toContain('*');
  });

  it('lets Secrets be read by name alone', () => {
    const rules = install
      .flatMap(({ rules: all = [] }) => all)
      .filter((rule) => rule.resources.includes('secrets'));

    expect(rules.map(({ verbs }) => verbs)).toEqual([['get']]);
  });

  it('runs the version of this package', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

    expect(deployment).toMatchObject({
      spec: { template: { spec: { containers: [{ image: `cloudjob-operator:${version}` }] } } },
    });
  });

  it('keeps to the restricted pod security standard, on a read-only root', () => {
    expect(install.find(({ kind }) => kind === 'Namespace')).toMatchObject({
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    expect(deployment).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            containers: [
              {
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                resources: { requests: expect.anything(), limits: { memory: expect.any(String) } },
              },
            ],
          },
        },
      },
    });
  });
});

describe('on OpenShift', () => {
  it('the pod takes the user that the platform gives', () => {
    expect(JSON.stringify(install)).not.toMatch(/runAs(User|Group)"/);
  });

  it('names are resolved on port 5353 too', () => {
    const policy = install.find(({ kind }) => kind === 'NetworkPolicy');

    expect(JSON.stringify(policy)).toContain('{"port":5353,"protocol":"UDP"},{"port":5353,"protocol":"TCP"}');
  });
});

/** What a user's kustomization says, put together from the recipes of the guide. */
function recipes(): Record<string, unknown> {
  const guide = readFileSync(join(root, 'docs/install.md'), 'utf8');
  const whole: Record<string, unknown> = {};
  for (const [, yaml = ''] of guide.matchAll(/^```yaml\n(# kustomization\.yaml[^]*?)^```$/gm)) {
    for (const [key, value] of Object.entries(load(yaml) as object)) {
      const before = whole[key];
      whole[key] =
        Array.isArray(before) && Array.isArray(value) ? [...before, ...(value as unknown[])] : value;
    }
  }
  return whole;
}

describeWithKubectl('the recipes of docs/install.md', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-kustomize-'));
  afterAll(() => rmSync(home, { recursive: true }));
  const deploy = join(relative(home, root), 'deploy');

  function build(overlay: string, components: readonly string[]): readonly Manifest[] {
    const kustomization = {
      ...recipes(),
      resources: [join(deploy, 'overlays', overlay)],
      components: components.map((name) => join(deploy, 'components', name)),
    };
    writeFileSync(join(home, 'kustomization.yaml'), dump(kustomization));
    writeFileSync(join(home, 'config.yaml'), 'defaultRegion: eu-de\n');
    writeFileSync(join(home, 'ca.crt'), 'the CA\n');
    const { stdout, stderr } = spawnSync('kubectl', ['kustomize', home], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return loadAll(stdout) as Manifest[];
  }
  const names = (manifests: readonly Manifest[], kind: RegExp): string[] =>
    manifests.filter((one) => kind.test(one.kind)).map(({ metadata }) => metadata.name);

  it('put image, config, proxy, CA and metrics where they belong', () => {
    const manifests = build('all-namespaces', []);
    const text = JSON.stringify(manifests);

    for (const part of [
      'REGISTRY/cloudjob-operator:0.1.0',
      'defaultRegion: eu-de',
      '/etc/cloud-ca/ca.crt',
      '{"kubernetes.io/metadata.name":"NAMESPACE"}',
      '{"name":"HTTPS_PROXY","value":"http://proxy.example.com:3128"}',
      '{"name":"NO_PROXY","value":"$(KUBERNETES_SERVICE_HOST),.svc,.cluster.local"}',
      '{"port":3128,"protocol":"TCP"}',
    ]) {
      expect(text).toContain(part.startsWith('{') ? part : JSON.stringify(part).slice(1, -1));
    }
    const cloudCA = names(manifests, /^ConfigMap$/).find((name) => name.startsWith('cloud-ca'));
    expect(text).toContain(`{"configMap":{"name":"${cloudCA}"},"name":"cloud-ca"}`);
  });

  it.each(['all-namespaces', 'one-namespace', 'high-availability'])('leave rights out of %s', (overlay) => {
    const manifests = build(overlay, ['tenants-grant-secrets', 'without-ttl', 'ecs-metadata', 'monitoring']);

    expect(names(manifests, /Binding$/).toSorted()).toEqual(['cloudjob-operator', 'cloudjob-operator-lease']);
    expect(names(manifests, /^(ServiceMonitor|PrometheusRule|PodDisruptionBudget)$/)).toHaveLength(
      overlay === 'high-availability' ? 3 : 2,
    );
    expect(names(manifests, /^NetworkPolicy$/)).toContain('cloudjob-operator-ecs-metadata');
  });
});
