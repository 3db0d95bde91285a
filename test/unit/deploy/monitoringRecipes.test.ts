import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { commands, readGuide } from '../../support/guide.js';
import type { Manifest } from '../../support/install.js';
import { buildKustomization, recipes } from '../../support/kustomize.js';
import { describeWithKubectl } from '../../support/skips.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const guide = readGuide('metrics.md');
const OVERLAYS = ['all-namespaces', 'one-namespace', 'high-availability'];

describeWithKubectl('the recipes of docs/metrics.md', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-monitoring-'));
  afterAll(() => rmSync(home, { recursive: true }));
  const find = (manifests: readonly Manifest[], kind: string, name = 'cloudjob-operator'): Manifest => {
    const found = manifests.filter((one) => one.kind === kind && one.metadata.name === name);
    expect(found).toHaveLength(1);
    return found[0]!;
  };

  it.each(OVERLAYS)('set labels and addresses of pages of %s, each in one place', (overlay) => {
    const manifests = buildKustomization(
      home,
      recipes(guide, 'in addition, with the component monitoring'),
      [join('overlays', overlay)],
      ['monitoring', 'dashboard'],
    );

    for (const kind of ['ServiceMonitor', 'PrometheusRule']) {
      expect(find(manifests, kind).metadata['labels']).toEqual({
        'app.kubernetes.io/name': 'cloudjob-operator',
        release: 'kube-prometheus-stack',
      });
    }
    expect(find(manifests, 'Deployment').metadata['labels']).not.toHaveProperty('release');
    const urls = runbookURLs(JSON.stringify(find(manifests, 'PrometheusRule')));
    expect(urls).toEqual(pages().map((page) => `https://wiki.example.com/cloudjob/${page}`));
  });

  it('replace the address of the pages without kustomize', () => {
    const sed = commands(guide).find((command) => command.startsWith('sed '));
    const { stdout } = spawnSync('sh', ['-c', `${sed}`], { cwd: root, encoding: 'utf8' });

    expect(runbookURLs(JSON.stringify(load(stdout)))).toEqual(
      pages().map((page) => `https://wiki.example.com/cloudjob/${page}`),
    );
  });

  it('give kube-state-metrics its config and its rights in its own namespace', () => {
    const recipe = recipes(guide, 'kustomization.yaml, for kube-state-metrics');
    const manifests = buildKustomization(home, recipe, ['monitoring/kube-state-metrics'], []);
    const name = 'kube-state-metrics-cloudjobs';
    const values = recipes(guide, 'values.yaml') as {
      extraArgs: string[];
      volumes: { configMap: { name: string } }[];
      volumeMounts: { mountPath: string }[];
    };

    expect(manifests.map(({ kind }) => kind)).toEqual(['ClusterRole', 'ClusterRoleBinding', 'ConfigMap']);
    expect(find(manifests, 'ClusterRoleBinding', name)).toMatchObject({
      roleRef: { name },
      subjects: [{ kind: 'ServiceAccount', name: 'RELEASE-kube-state-metrics', namespace: 'NAMESPACE' }],
    });
    const config = find(manifests, 'ConfigMap', name);
    expect(config).toMatchObject({
      metadata: { namespace: 'NAMESPACE' },
      data: { 'cloudjobs.yaml': expect.stringMatching(/^kind: CustomResourceStateMetrics$/m) },
    });
    expect(values.volumes[0]?.configMap.name).toBe(name);
    expect(values.extraArgs).toEqual([
      `--custom-resource-state-config-file=${values.volumeMounts[0]?.mountPath}/cloudjobs.yaml`,
    ]);
  });

  it.each(OVERLAYS)('give Grafana the dashboard of %s as a ConfigMap with its label', (overlay) => {
    const manifests = buildKustomization(home, {}, [join('overlays', overlay)], ['dashboard']);
    const dashboard = readFileSync(join(root, 'deploy/components/dashboard/dashboard.json'), 'utf8');

    expect(find(manifests, 'ConfigMap', 'cloudjob-operator-dashboard')).toMatchObject({
      metadata: { namespace: 'cloudjob-system', labels: { grafana_dashboard: '1' } },
      data: { 'cloudjob-operator.json': dashboard },
    });
  });
});

/** In the order of the alerts. */
function runbookURLs(json: string): string[] {
  return [...json.matchAll(/"runbook_url":"([^"]*)"/g)].map(([, url = '']) => url);
}

/** The pages of all alerts, in their order. */
function pages(): string[] {
  const alerts = readFileSync(join(root, 'deploy/monitoring/alerts.yaml'), 'utf8');
  return [...alerts.matchAll(/- alert: (\w+)/g)].map(([, alert]) => `${alert}.md`);
}
