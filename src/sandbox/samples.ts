import { SANDBOX_ACCOUNTS, SANDBOX_PROJECT_ID } from './cce/accounts.js';
import { framesOf } from './cce/plan.js';
import type { JobPlan } from './cce/plan.js';
import { seededRandom } from './cce/random.js';
import { randomPlan } from './cce/randomPlan.js';
import type { JobScript } from './cce/script.js';

export const DEMO_NAMESPACE = 'cloudjob-demo';
export const DEMO_SECRET = 'cce-credentials';
export const DEMO_REGION = 'lab';

/** A CloudJob of the demo, and its job in the simulated cloud. */
export interface Sample {
  readonly name: string;
  readonly jobID: string;
  /** Left out: the cloud does not know the job. */
  readonly script?: JobScript;
  /** Its expected end: one of these phases, or this reason of Ready. */
  readonly arrives: { readonly phases: readonly string[] } | { readonly readyReason: string };
}

/** The name of the sample whose failure the demo explains at the end. */
export const FAILING_SAMPLE = 'add-gpu-node';
export const UNKNOWN_SAMPLE = 'lost-job';

/** Like the documented example: the same ID, and different cluster names in the parent and its parts. */
const CREATE_CLUSTER: JobPlan = {
  id: '354331b2c-229a-11e8-9c75-0255ac100ceb',
  type: 'CreateCluster',
  clusterUID: '4d1e0a7c-229a-11e8-9c75-0255ac100c21',
  resourceID: '4d1e0a7c-229a-11e8-9c75-0255ac100c21',
  resourceName: 'prod',
  extendParam: { serverID: 'bc46a1f0-2338-11e8-825b-0255ac100c44' },
  from: 1.5,
  to: 11,
  subJobs: [
    { id: 'fd470c51-9606-11e8-baa8-0255ac10d201', type: 'CreatePSMCert', from: 1.5, to: 4 },
    {
      id: 'fd470d38-9606-11e8-baa9-0255ac10d201',
      type: 'InstallMaster',
      resourceID: 'fd3b0b92-9606-11e8-baa8-0255ac10d201',
      extendParam: { serverID: 'fd3b0b92-9606-11e8-baa8-0255ac10d201' },
      from: 4,
      to: 9.5,
    },
  ].map((part) => ({ ...part, clusterUID: 'fcc70f3e-9606-11e8-baa8-0255ac10d201' })),
};

/** Three levels; the middle one of the first node has no status, as on the real service. */
const SCALE_UP: JobPlan = {
  id: '7c2f9be4-87e6-11ef-be88-0255ac10f301',
  type: 'ScaleupCluster',
  clusterUID: '4d1e0a7c-229a-11e8-9c75-0255ac100c21',
  resourceName: 'prod-workers',
  from: 1,
  to: 12.5,
  subJobs: [
    {
      id: '7c31022a-87e6-11ef-be88-0255ac10f301',
      type: 'CreateNode',
      resourceName: 'prod-workers-a1',
      withoutStatus: true,
      from: 1,
      to: 9,
      subJobs: [
        { id: '7c3104b8-87e6-11ef-be88-0255ac10f301', type: 'GetPSMCert', from: 1, to: 3 },
        { id: '7c3106d5-87e6-11ef-be88-0255ac10f301', type: 'CreateNodeVM', from: 3, to: 6 },
        { id: '7c3108e1-87e6-11ef-be88-0255ac10f301', type: 'InstallNode', from: 6, to: 9 },
      ],
    },
    {
      id: '7c310d3c-87e6-11ef-be88-0255ac10f301',
      type: 'CreateNode',
      resourceName: 'prod-workers-b2',
      from: 3,
      to: 12,
      subJobs: [
        { id: '7c310f47-87e6-11ef-be88-0255ac10f301', type: 'CreateNodeVM', from: 3, to: 8 },
        { id: '7c311160-87e6-11ef-be88-0255ac10f301', type: 'InstallNode', from: 8, to: 12 },
      ],
    },
  ],
};

/** The parent only reports that something bad happened; the cause is three levels down. */
const ADD_GPU_NODE: JobPlan = {
  id: 'a91c44d0-87e7-11ef-9d3e-0255ac10f301',
  type: 'ScaleupCluster',
  clusterUID: '4d1e0a7c-229a-11e8-9c75-0255ac100c21',
  resourceName: 'prod-gpu',
  extendParam: { claimrollback: 'true' },
  from: 1,
  to: 9,
  outcome: 'Failed',
  reason: 'Something bad happened at server, recycle resource',
  subJobs: [
    {
      id: 'a91d5e12-87e7-11ef-9d3e-0255ac10f301',
      type: 'CreateNode',
      resourceName: 'prod-gpu-c3',
      from: 1,
      to: 8,
      outcome: 'Failed',
      reason: 'Failed to create node(s)',
      subJobs: [
        { id: 'a91d6008-87e7-11ef-9d3e-0255ac10f301', type: 'GetPSMCert', from: 1, to: 3 },
        {
          id: 'a91d6233-87e7-11ef-9d3e-0255ac10f301',
          type: 'CreateNodeVM',
          resourceName: 'prod-gpu-c3',
          from: 3,
          to: 7,
          outcome: 'Failed',
          reason: 'Failed to create the node VM: flavor pi2.4xlarge.4 is sold out in eu-de-02',
        },
        { id: 'a91d6454-87e7-11ef-9d3e-0255ac10f301', type: 'InstallNode', from: 99, to: 99 },
      ],
    },
  ],
};

/** The demo's jobs: a success, a nested success, a deep failure, an unknown job, and a random one from the seed. */
export function samples(seed: number): readonly Sample[] {
  const surprise = randomPlan(seededRandom(`${seed}/random job`), { durationSeconds: 10 });
  return [
    played('create-cluster', CREATE_CLUSTER, ['Success']),
    played('scale-up', SCALE_UP, ['Success']),
    played(FAILING_SAMPLE, ADD_GPU_NODE, ['Failed']),
    {
      name: UNKNOWN_SAMPLE,
      jobID: '0e4f6d1a-229b-11e8-9c75-0255ac100c77',
      arrives: { readyReason: 'JobNotFound' },
    },
    played('surprise', surprise, ['Success', 'Failed']),
  ];
}

function played(name: string, plan: JobPlan, phases: readonly string[]): Sample {
  const script = { projectID: SANDBOX_PROJECT_ID, frames: framesOf(plan) };
  return { name, jobID: plan.id, script, arrives: { phases } };
}

/** The CloudJob of a sample. It is polled every second, so that there is something to see. */
export function sampleManifest({ name, jobID }: Pick<Sample, 'name' | 'jobID'>): Record<string, unknown> {
  return {
    apiVersion: 'cloudjob.dev/v1alpha1',
    kind: 'CloudJob',
    metadata: { name, namespace: DEMO_NAMESPACE },
    spec: {
      jobID,
      projectID: SANDBOX_PROJECT_ID,
      region: DEMO_REGION,
      credentialsRef: { name: DEMO_SECRET },
      pollIntervalSeconds: 1,
    },
  };
}

/** The Secret that the samples name. */
export function secretManifest(): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: DEMO_SECRET, namespace: DEMO_NAMESPACE },
    type: 'Opaque',
    data: { token: Buffer.from(SANDBOX_ACCOUNTS.tokens[0]?.token ?? '').toString('base64') },
  };
}
