import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from '@jest/globals';
import { dump, load, loadAll } from 'js-yaml';
import { scopedLeaseName } from '../../../src/kube/leaseRecord.js';
import { hasHelm, helmTemplate } from '../../support/helm.js';
import type { Manifest } from '../../support/install.js';
import { hasKubectl } from '../../support/kubectl.js';
import { describeWhen } from '../../support/skips.js';
import { runToolSync } from '../../support/tools.js';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const CONFIG = {
  defaultRegion: 'eu-de',
  ownCredentials: { namespaces: ['infra'], from: { kind: 'ecsMetadata' } },
};

/** The values that make of the chart what each part of the kustomize tree is. */
const OVERLAYS: Readonly<Record<string, readonly string[]>> = {
  'all-namespaces': [],
  'one-namespace': ['namespaces=["infra"]'],
  'high-availability': ['replicas=2'],
};
const COMPONENTS: Readonly<Record<string, readonly string[]>> = {
  dashboard: ['dashboard.enabled=true'],
  'ecs-metadata': [`config=${JSON.stringify(CONFIG)}`],
  'high-availability': ['replicas=2'],
  monitoring: ['monitoring.enabled=true'],
  'tenants-grant-secrets': ['rights.readSecrets=false'],
  'without-ttl': ['rights.deleteFinished=false'],
};
const folders = (path: string): string[] => readdirSync(`${DEPLOY}${path}`);
const combinations = [
  ...folders('overlays').map((overlay) => ({ overlay, components: [] as string[] })),
  ...folders('components').flatMap((component) =>
    ['all-namespaces', 'one-namespace'].map((overlay) => ({ overlay, components: [component] })),
  ),
];

/** What Helm and kustomize each put on all of theirs. */
const OWN_LABELS = /^(helm\.sh\/chart|app\.kubernetes\.io\/(version|instance|managed-by))$/;

/** Without what is one tool's: marks, hashes in names, and the comments in the config file. */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => comparable(item, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !OWN_LABELS.test(name))
        .map(([name, inner]) => [name, comparable(inner, name)]),
    );
  }
  if (key === 'config.yaml') return load(String(value));
  if (key === 'cloudjob-operator.json') return JSON.parse(String(value));
  return key === 'name' ? String(value).replace(/^(cloudjob-operator-config)-\w{10}$/, '$1') : value;
}

function objects(yaml: string): Map<string, unknown> {
  const all = (loadAll(yaml) as (Manifest | null)[]).filter((one) => one !== null);
  return new Map(
    all
      // Helm has --create-namespace, and its test is no part of the installation.
      .filter(({ kind }) => kind !== 'Namespace' && kind !== 'Pod')
      .map((object) => comparable(object) as Manifest)
      .map((object) => {
        const { name, namespace, annotations, ...metadata } = object.metadata as Manifest['metadata'] & {
          annotations?: Record<string, string>;
        };
        const { 'helm.sh/resource-policy': _, ...others } = annotations ?? {};
        const rest = Object.keys(others).length > 0 ? { annotations: others } : {};
        return [
          `${object.kind} ${namespace ?? ''}/${name}`,
          { ...object, metadata: { ...metadata, ...rest } },
        ] as const;
      })
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describeWhen(hasHelm && hasKubectl, 'helm or kubectl is not installed')('the Helm chart', () => {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-chart-'));
  afterAll(() => rmSync(home, { recursive: true }));

  function kustomize(overlay: string, components: readonly string[], config: object): string {
    const deploy = relative(home, DEPLOY);
    const kustomization = {
      resources: [join(deploy, 'overlays', overlay)],
      components: components.map((name) => join(deploy, 'components', name)),
      configMapGenerator: [
        {
          name: 'cloudjob-operator-config',
          namespace: 'cloudjob-system',
          behavior: 'replace',
          literals: [`config.yaml=${JSON.stringify(config)}`],
        },
      ],
    };
    writeFileSync(join(home, 'kustomization.yaml'), dump(kustomization));
    const { stdout, stderr } = runToolSync('kubectl', ['kustomize', home]);
    expect(stderr).toBe('');
    return stdout;
  }

  function template(...sets: readonly string[]): string {
    const { stdout, stderr } = helmTemplate('cloudjob-operator', sets);
    expect(stderr).toBe('');
    return stdout;
  }

  it('has values for every overlay and component', () => {
    expect(Object.keys(OVERLAYS)).toEqual(expect.arrayContaining(folders('overlays')));
    expect(Object.keys(COMPONENTS)).toEqual(expect.arrayContaining(folders('components')));
  });

  it.each(combinations)('is, object by object, $overlay with $components', ({ overlay, components }) => {
    const sets = [...(OVERLAYS[overlay] ?? []), ...components.flatMap((name) => COMPONENTS[name] ?? [])];

    const made = objects(template(...sets));

    const config = components.includes('ecs-metadata') ? CONFIG : {};
    expect(made).toEqual(objects(kustomize(overlay, components, config)));
    expect(made.size).toBeGreaterThan(10);
  });

  it.each([
    ['imge={"tag":"1"}', "'imge' not allowed"],
    ['image={"digest":"sha256:12"}', "at '/image/digest'"],
    ['replicas=0', "at '/replicas': minimum"],
    ['replicas="two"', "at '/replicas': got string, want integer"],
    ['shards=6', "at '/shards': maximum"],
    ['namespaces=["Not_A_Name"]', "at '/namespaces/0'"],
    ['config={"polling":{"minSecond":1}}', "at '/config/polling': additional properties 'minSecond'"],
    ['caBundle="no certificate"', "at '/caBundle'"],
    ['proxy={"https":"proxy.example.com:3128"}', "at '/proxy/https'"],
    ['crds={"keep":"yes"}', "at '/crds/keep'"],
  ])('refuses %s', (set, problem) => {
    const { code, stderr } = helmTemplate('cloudjob-operator', [set]);

    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(problem) });
  });

  it('lets values be used together', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const yaml = template(
      `image=${JSON.stringify({ repository: 'registry.example.com/op', digest })}`,
      'imagePullSecrets=[{"name":"pull"}]',
      'namespaces=["team-b","team-a"]',
      'shards=2',
      'replicas=3',
      'caBundle="-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----\\n"',
      'proxy={"https":"http://proxy.example.com:3128"}',
      'env=[{"name":"CLOUDJOB_LOG_LEVEL","value":"debug"}]',
      'identityToken={"audience":"client"}',
      'serviceAccount={"annotations":{"example.com/a":"b"}}',
      'networkPolicy={"egressPorts":[8443]}',
      'monitoring={"enabled":true,"labels":{"release":"prometheus"}}',
      'tolerations=[{"key":"dedicated","operator":"Exists"}]',
      'affinity={"nodeAffinity":{}}',
      'priorityClassName="high"',
      'topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]',
      'podAnnotations={"example.com/c":"d"}',
      'resources={"limits":{"memory":"1Gi"}}',
    );

    const made = objects(yaml);
    const text = JSON.stringify(made.get('Deployment cloudjob-system/cloudjob-operator'));
    for (const part of [
      `"image":"registry.example.com/op@${digest}"`,
      '"imagePullSecrets":[{"name":"pull"}]',
      '{"name":"CLOUDJOB_NAMESPACE","value":"team-b,team-a"}',
      '{"name":"CLOUDJOB_SHARDS","value":"2"}',
      '{"name":"NODE_EXTRA_CA_CERTS","value":"/etc/cloud-ca/ca.crt"}',
      '{"name":"HTTPS_PROXY","value":"http://proxy.example.com:3128"}',
      '{"name":"NO_PROXY","value":"$(KUBERNETES_SERVICE_HOST),.svc,.cluster.local"}',
      '{"name":"CLOUDJOB_LOG_LEVEL","value":"debug"}',
      '"audience":"client"',
      '"affinity":{"nodeAffinity":{}}',
      '"priorityClassName":"high"',
      '"tolerations":[{"key":"dedicated","operator":"Exists"}]',
      '"labelSelector":{"matchLabels":{"app.kubernetes.io/name":"cloudjob-operator"}}',
      '"annotations":{"example.com/c":"d"}',
      '"memory":"1Gi"',
    ]) {
      expect(text).toContain(part);
    }
    const names = [...made.keys()];
    expect(names.filter((name) => name.startsWith('RoleBinding team-'))).toHaveLength(6);
    expect(names.filter((name) => name.startsWith('ClusterRoleBinding'))).toEqual([]);
    const policy = JSON.stringify(made.get('NetworkPolicy cloudjob-system/cloudjob-operator'));
    expect(policy).toContain('{"port":8443,"protocol":"TCP"},{"port":3128,"protocol":"TCP"}');
    expect(JSON.stringify(made.get('ServiceMonitor cloudjob-system/cloudjob-operator'))).toContain(
      '"release":"prometheus"',
    );
    expect(JSON.stringify(made.get('ServiceAccount cloudjob-system/cloudjob-operator'))).toContain(
      '"example.com/a":"b"',
    );
  });

  it('leaves out what is switched off', () => {
    const names = [
      ...objects(
        template('crds={"install":false}', 'networkPolicy={"enabled":false}', 'rights={"userRoles":false}'),
      ).keys(),
    ];

    expect(
      names.filter((name) => /^(CustomResourceDefinition|NetworkPolicy)|viewer|editor/.test(name)),
    ).toEqual([]);
  });

  it('keeps the CRD on the cluster, unless it is not to', () => {
    expect(template()).toContain('helm.sh/resource-policy: keep');
    expect(template('crds={"keep":false}')).not.toContain('resource-policy');
  });

  it.each([[[]], [['team-b', 'team-a']], [Array.from({ length: 9 }, (_, i) => `some-namespace-${i}`)]])(
    'looks in its test for the Lease of the operator of %j',
    (namespaces) => {
      const set = `namespaces=${JSON.stringify(namespaces)}`;
      const name = scopedLeaseName('cloudjob-operator', namespaces);

      expect(template(set)).toContain(`value: ${name}\n`);
      expect(template(set, 'shards=2')).toContain(`value: ${name}-shard-0-of-2 ${name}-shard-1-of-2\n`);
    },
  );

  it('names the objects of a release of another name after it', () => {
    const { stdout } = helmTemplate('team', ['monitoring={"enabled":true}', 'replicas=2']);

    const names = [...objects(stdout).keys()].filter((name) => !name.startsWith('CustomResourceDefinition'));

    expect(names.filter((name) => !/[ /]team-cloudjob-operator/.test(name))).toEqual([
      'ClusterRole /cloudjob-editor',
      'ClusterRole /cloudjob-viewer',
    ]);
  });
});
