import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { REGISTRY } from '../../../scripts/registry.mjs';
import { readGuide } from '../../support/guide.js';
import { imageFlags } from '../../support/image.js';
import { readManifests, type Manifest } from '../../support/install.js';
import { buildKustomization, recipes } from '../../support/kustomize.js';
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

  it('starts it in the same way once while the image is built, with the Node that it ships', () => {
    const command = ['/nodejs/bin/node', ...flags, '/app/dist/main.js'];
    const asJSON = (words: readonly string[]): string => `[${words.map((word) => `"${word}"`).join(', ')}]`;
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

    expect(last).toContain(`\nRUN ${asJSON([...command, 'crd'])}\n`);
    expect(last).toContain(`\nENTRYPOINT ${asJSON(command)}\n`);
  });

  it('takes every base by its digest', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);

    expect(bases).toHaveLength(3);
    for (const base of bases) expect(base).toMatch(/:[a-z0-9-]+@sha256:[0-9a-f]{64}$/);
  });

  it('leaves out the packages that only sandbox, plugin and terminal import', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Readonly<Record<string, string>>;
    };
    const shipped = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/^(sandbox|plugin|terminal)\//.test(file))
      .map((file) => readFileSync(join(root, 'src', file), 'utf8'));
    const imported = (name: string): boolean => shipped.some((text) => text.includes(` from '${name}'`));

    const uninstalled = /^RUN npm uninstall ((?:--\S+ )*)(.*)$/m.exec(dockerfile)?.[2]?.split(' ');
    expect(uninstalled).toEqual(Object.keys(dependencies).filter((name) => !imported(name)));
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
      spec: { template: { spec: { containers: [{ image: `${REGISTRY}/cloudjob-operator:${version}` }] } } },
    });
  });

  it('comes from the one registry that all files name', () => {
    const files = ['README.md', 'docs/install.md', 'deploy/chart/README.md', 'deploy/install.yaml'];
    const named = files.flatMap((file) => [
      ...readFileSync(join(root, file), 'utf8').matchAll(
        /(?<=oci:\/\/|image: )\S+(?=\/(charts\/)?cloudjob-operator)/g,
      ),
    ]);

    expect(new Set(named.map(([registry]) => registry))).toEqual(new Set([REGISTRY, `${REGISTRY}/charts`]));
  });

  it('keeps to the restricted pod security standard, on a read-only root of a Linux node', () => {
    expect(install.find(({ kind }) => kind === 'Namespace')).toMatchObject({
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    expect(deployment).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
            nodeSelector: { 'kubernetes.io/os': 'linux' },
            shareProcessNamespace: true,
            dnsConfig: { options: [{ name: 'ndots', value: '1' }] },
            containers: [
              {
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                terminationMessagePolicy: 'FallbackToLogsOnError',
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

describeWithKubectl('the recipes of docs/install.md', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-kustomize-'));
  afterAll(() => rmSync(home, { recursive: true }));

  function build(overlay: string, components: readonly string[]): readonly Manifest[] {
    writeFileSync(join(home, 'config.yaml'), 'defaultRegion: eu-de\n');
    writeFileSync(join(home, 'ca.crt'), 'the CA\n');
    const recipe = recipes(readGuide('install.md'), 'kustomization.yaml');
    return buildKustomization(home, recipe, [join('overlays', overlay)], components);
  }
  const names = (manifests: readonly Manifest[], kind: RegExp): string[] =>
    manifests.filter((one) => kind.test(one.kind)).map(({ metadata }) => metadata.name);

  it('put image, config, proxy, CA and metrics where they belong', () => {
    const manifests = build('all-namespaces', []);
    const text = JSON.stringify(manifests);

    for (const part of [
      'registry.example.com/cloudjob-operator:0.1.0',
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
