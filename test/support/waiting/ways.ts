import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import * as z from 'zod';
import { codeBlocks, yamlOfKind } from '../guide.js';
import { hasHelm } from '../helm.js';
import { kstatus } from '../kstatus.js';
import type { World } from '../world.js';
import { ansibleVerdict } from './ansible.js';
import { argocdVerdict } from './argocd.js';
import { argoWorkflowsVerdict } from './argoWorkflows.js';
import { crossplaneVerdict } from './crossplane.js';
import { fluxVerdict } from './flux.js';
import { helmVerdict } from './helm.js';
import { kroVerdict } from './kro.js';
import { kubectlWaitVerdict } from './kubectlWait.js';
import { pulumiVerdict } from './pulumi.js';
import type { Recorded } from './states.js';
import { tektonVerdict } from './tekton.js';
import { readWait, terraformVerdict } from './terraform.js';
import type { Verdict } from './verdict.js';

export interface Way {
  /** The first cell of its row in the guide. */
  readonly row: string;
  /** Runs the real kubectl. */
  readonly needsKubectl: boolean;
  readonly judge: (recorded: Recorded, world: World) => Verdict | Promise<Verdict>;
}

const GITOPS = new URL('../../../deploy/gitops/', import.meta.url);

const kustomizationSchema = z.object({
  spec: z.object({
    healthCheckExprs: z.tuple([
      z.strictObject({
        apiVersion: z.literal('cloudjob.dev/v1alpha1'),
        kind: z.literal('CloudJob'),
        inProgress: z.string().optional(),
        failed: z.string(),
        current: z.string(),
      }),
    ]),
  }),
});
const objectSchema = z.object({
  spec: z.object({
    readiness: z.strictObject({ policy: z.literal('DeriveFromCelQuery'), celQuery: z.string() }),
  }),
});
const workflowSchema = z.object({
  spec: z.object({
    templates: z.tuple([
      z.object({ resource: z.object({ successCondition: z.string(), failureCondition: z.string() }) }),
    ]),
  }),
});

const pulumiSchema = z.object({
  metadata: z.object({
    annotations: z
      .object({ 'pulumi.com/waitFor': z.string() })
      .transform(({ 'pulumi.com/waitFor': waitFor }) => ({ waitFor })),
  }),
});
const ansibleSchema = z.tuple([
  z.object({
    'kubernetes.core.k8s': z.object({
      wait: z.literal(true),
      wait_condition: z.object({ type: z.string(), status: z.string() }),
    }),
  }),
  z.unknown(),
]);
const kroSchema = z.object({
  spec: z.object({ resources: z.tuple([z.object({ id: z.string(), readyWhen: z.array(z.string()) })]) }),
});

function isPlaybook(yaml: string): boolean {
  return yaml.startsWith('- name: ');
}

/**
 * Every way to wait that the guide's table knows, by the very recipe that the guide and deploy/gitops give.
 *
 * @param guide docs/waiting.md
 */
export function waysToWait(guide: string): Way[] {
  const [script = ''] = codeBlocks(guide, 'sh');
  const [onCondition = '', onSettled = '', onFields = ''] = codeBlocks(guide, 'hcl');
  const [terraformCondition, terraformSettled, terraformFields] = [
    readWait(onCondition),
    readWait(onSettled),
    readWait(onFields),
  ];
  const { waitFor } = pulumiSchema.parse(yamlOfKind(guide, 'CloudJob')).metadata.annotations;
  const [task] = ansibleSchema.parse(load(codeBlocks(guide, 'yaml').find(isPlaybook) ?? ''));
  const [graphResource] = kroSchema.parse(yamlOfKind(guide, 'ResourceGraphDefinition')).spec.resources;
  const { healthCheckExprs } = kustomizationSchema.parse(load(read('flux/flux-kustomization.yaml'))).spec;
  const healthLua = read('argocd/cloudjob.dev/CloudJob/health.lua');
  const { readiness } = objectSchema.parse(yamlOfKind(guide, 'Object')).spec;
  const [{ resource }] = workflowSchema.parse(yamlOfKind(guide, 'WorkflowTemplate')).spec.templates;

  const rule = (row: string, judge: (recorded: Recorded) => Verdict | Promise<Verdict>): Way => ({
    row,
    needsKubectl: false,
    judge,
  });
  const kubectlWait = (row: string, condition: string): Way => ({
    row,
    needsKubectl: true,
    judge: ({ ref }, world) => kubectlWaitVerdict(world, condition, ref),
  });

  return [
    kubectlWait('`kubectl wait` on Ready', 'condition=Ready'),
    kubectlWait('`kubectl wait` on the phase', 'jsonpath={.status.phase}=Success'),
    kubectlWait('`kubectl wait` on Finished', 'condition=Finished'),
    kubectlWait('`kubectl wait` on Settled', 'condition=Settled'),
    {
      row: '[the script](#kubectl)',
      needsKubectl: true,
      judge: (recorded, world) => runScript(script, recorded, world),
    },
    {
      row: 'kstatus: Helm 4, Flux',
      needsKubectl: false,
      judge: (recorded, world) => (hasHelm ? helmVerdict(recorded, world) : kstatusVerdict(recorded)),
    },
    rule('Flux `healthCheckExprs`', ({ object }) => fluxVerdict(healthCheckExprs[0], object)),
    rule('Argo CD `health.lua`', async ({ object }) => argocdVerdict(healthLua, object)),
    rule('Terraform `wait`, condition', ({ object }) => terraformVerdict(terraformCondition, object)),
    rule('Terraform `wait`, fields', ({ object }) => terraformVerdict(terraformFields, object)),
    rule('Terraform `wait`, Settled', ({ object }) => terraformVerdict(terraformSettled, object)),
    rule('Pulumi `waitFor`', ({ object }) => pulumiVerdict(waitFor, object)),
    rule('Ansible `wait_condition`', ({ object }) =>
      ansibleVerdict(task['kubernetes.core.k8s'].wait_condition, object),
    ),
    rule('kro `readyWhen`', ({ object }) => kroVerdict(graphResource.id, graphResource.readyWhen, object)),
    rule('Crossplane `DeriveFromObject`', ({ object }) =>
      crossplaneVerdict({ policy: 'DeriveFromObject' }, object),
    ),
    rule('Crossplane `AllTrue`', ({ object }) => crossplaneVerdict({ policy: 'AllTrue' }, object)),
    rule('Crossplane `DeriveFromCelQuery`', ({ object }) => crossplaneVerdict(readiness, object)),
    rule('Argo Workflows resource template', ({ object }) => argoWorkflowsVerdict(resource, object)),
    rule("the condition Succeeded, Tekton's way", ({ object }) => tektonVerdict(object)),
  ];
}

/** The rule, where there is no Helm. */
function kstatusVerdict({ object }: Recorded): Verdict {
  const status = kstatus(object);
  if (status === 'Current') return 'done';
  return status === 'Failed' ? 'fails' : 'waits';
}

function read(path: string): string {
  return readFileSync(new URL(path, GITOPS), 'utf8');
}

/** With no time to wait, the script looks once; its exit code 2 means that it would have gone on. */
async function runScript(script: string, { ref }: Recorded, world: World): Promise<Verdict> {
  const { code, stderr } = await world.shell(script, [ref.name, ref.namespace, '0']);
  if (code === 0) return 'done';
  if (code === 1) return 'fails';
  if (code !== 2) throw new Error(`exit code ${code}: ${stderr}`);
  return 'waits';
}
