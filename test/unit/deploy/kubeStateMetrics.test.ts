import { describe, expect, it } from '@jest/globals';
import { GROUP, KIND, VERSION, type CloudJob } from '../../../src/api/cloudjob.js';
import { CONDITION_TYPES, REASONS } from '../../../src/api/conditions.js';
import { cloudJobCrd } from '../../../src/api/crd.js';
import { readManifests } from '../../support/install.js';
import { after, cloudJob, CREATED, failed, read } from '../../support/cloudJobs.js';
import { KUBE_STATE_CONFIG, kubeStateMetrics, kubeStateOf } from '../../support/kubeStateMetrics.js';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
const crd = cloudJobCrd() as unknown as {
  readonly spec: {
    readonly versions: { readonly name: string; readonly schema: { openAPIV3Schema: Schema } }[];
  };
};
const text: Schema = { type: 'string' };
/** The CRD's schema leaves metadata to the API server. */
const schema: Schema = {
  properties: {
    ...crd.spec.versions.find(({ name }) => name === VERSION)?.schema.openAPIV3Schema.properties,
    metadata: { properties: { namespace: text, name: text } },
  },
};

/** The labels of every metric of the CloudJob of these tests. */
const NAMED = {
  customresource_group: GROUP,
  customresource_version: VERSION,
  customresource_kind: KIND,
  namespace: 'infra',
  name: 'scale-up',
};

/** The schema of what the path leads to. */
function schemaAt(path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>((at, step) => {
    const [, key, value = ''] = /^\[(\w+)=(\w+)\]$/.exec(step) ?? [];
    if (key === undefined) return at?.properties?.[step];
    expect({ key, types: CONDITION_TYPES }).toEqual({ key: 'type', types: expect.arrayContaining([value]) });
    return at?.items?.properties?.[key] && at.items;
  }, schema);
}

describe('the config for kube-state-metrics', () => {
  it('is for CloudJobs as the CRD serves them', () => {
    expect(KUBE_STATE_CONFIG.groupVersionKind).toEqual({ group: GROUP, version: VERSION, kind: KIND });
  });

  it('reads fields that are in the CRD', () => {
    const gauges = KUBE_STATE_CONFIG.metrics.flatMap(({ each }) =>
      each.type === 'Gauge' ? [each.gauge.path] : [],
    );
    const labels = [...kubeStateMetrics().values()].flatMap((paths) => [...paths.values()]);

    expect(gauges).not.toEqual([]);
    for (const path of [...gauges, ...labels]) {
      expect({ path, type: schemaAt(path)?.type }).toEqual({ path, type: 'string' });
    }
  });

  it("has no label that grows with the cloud's texts: beside the object's name, only words of closed lists", () => {
    for (const paths of kubeStateMetrics().values()) {
      for (const [label, path] of paths) {
        if (label === 'namespace' || label === 'name') continue;
        expect(path).toEqual([
          'status',
          'conditions',
          expect.stringMatching(/^\[type=\w+\]$/),
          expect.stringMatching(/^(status|reason)$/),
        ]);
      }
    }
  });

  const running = after(cloudJob(), read('Running'));
  it.each<[string, CloudJob, Record<string, string> | undefined]>([
    ['a new one', cloudJob(), undefined],
    ['running', running, { ready: 'Unknown', reason: 'JobRunning', succeeded: 'Unknown' }],
    [
      'succeeded',
      after(running, read('Success')),
      { ready: 'True', reason: 'JobSucceeded', succeeded: 'True' },
    ],
    [
      'failed',
      after(running, read('Failed', { reason: 'no quota' })),
      { ready: 'False', reason: 'JobFailed', succeeded: 'False', stalled: 'True' },
    ],
    [
      'failed, where readiness is about following the job',
      after(cloudJob({ readyWhen: 'Observed' }), read('Failed')),
      { ready: 'True', reason: 'JobFailed', succeeded: 'False' },
    ],
    [
      'vanished',
      after(running, failed('notFound')),
      { ready: 'False', reason: 'JobVanished', succeeded: 'Unknown', stalled: 'True' },
    ],
    [
      'suspended',
      after(cloudJob({ suspend: true }), { kind: 'nothing' }),
      { ready: 'Unknown', reason: 'Suspended', succeeded: 'Unknown' },
    ],
  ])('says of a CloudJob how it is: %s', (_, object, expected) => {
    const info = { name: 'kube_cloudjob_info', labels: { ...NAMED, ...expected }, value: 1 };

    const samples = kubeStateOf(object).filter(({ name }) => name === info.name);

    expect(samples).toEqual(expected === undefined ? [] : [info]);
    expect(['', ...Object.keys(REASONS)]).toContain(samples[0]?.labels['reason'] ?? '');
  });

  it('says of a CloudJob when its job was observed to have finished, and of no other', () => {
    const times = (object: CloudJob) =>
      kubeStateOf(object).filter(({ name }) => name === 'kube_cloudjob_finished_time_seconds');
    const [time] = times(after(running, read('Failed'), 90));

    expect(time).toEqual(expect.objectContaining({ labels: NAMED, value: CREATED / 1000 + 90 }));
    expect(times(running)).toEqual([]);
  });

  it('comes with the right to list and watch CloudJobs and CRDs, and with no other', () => {
    const role = readManifests('monitoring/kube-state-metrics/rbac.yaml').find(
      ({ kind }) => kind === 'ClusterRole',
    );

    expect(role?.rules).toEqual([
      { apiGroups: [GROUP], resources: ['cloudjobs'], verbs: ['list', 'watch'] },
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        verbs: ['list', 'watch'],
      },
    ]);
  });
});
