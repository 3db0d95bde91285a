import { dump } from 'js-yaml';
import { GROUP, KIND, specSchema, VERSION } from '../api/cloudjob.js';
import type { Flags } from './flags.js';

/** The manifest that `create` writes or applies. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export type MadeManifest =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  /** For people, naming flags. */
  | { readonly kind: 'problem'; readonly problem: string };

const FLAG_OF: Readonly<Record<string, string>> = {
  projectID: '--project-id',
  region: '--region',
  credentialsRef: '--secret',
};

/** Makes the manifest of a CloudJob for the job from the flags. */
export function makeManifest(
  jobID: string,
  {
    name,
    namespace,
    projectID,
    region,
    clusterType,
    secret,
  }: Pick<Flags, 'name' | 'namespace' | 'projectID' | 'region' | 'secret'> &
    Partial<Pick<Flags, 'clusterType'>>,
): MadeManifest {
  const spec = {
    jobID,
    ...(projectID === undefined ? {} : { projectID }),
    ...(region === undefined ? {} : { region }),
    ...(clusterType === undefined ? {} : { clusterType }),
    ...(secret === undefined ? {} : { credentialsRef: { name: secret } }),
  };
  const problems = specSchema.safeParse(spec).error?.issues ?? [];
  const [issue] = problems;
  if (issue !== undefined) {
    const field = String(issue.path[0]);
    return { kind: 'problem', problem: `${FLAG_OF[field] ?? field}: ${issue.message}` };
  }
  const byDefault = nameFor(jobID);
  const metadata = { name: name ?? byDefault, ...(namespace === undefined ? {} : { namespace }) };
  if (metadata.name === '')
    return { kind: 'problem', problem: `--name is required: no name can be made from "${jobID}"` };
  return { kind: 'manifest', manifest: { apiVersion: `${GROUP}/${VERSION}`, kind: KIND, metadata, spec } };
}

/** The ID changed to a valid Kubernetes name. */
function nameFor(jobID: string): string {
  return jobID
    .toLowerCase()
    .replaceAll('_', '-')
    .replaceAll(/^-+|-+$/g, '');
}

/** Quotes all texts: kubectl's YAML reads `1_0` and `12e3` as numbers, but they are valid job IDs. */
export function manifestYAML(manifest: Manifest): string {
  return dump(manifest, { forceQuotes: true, quotingType: '"', lineWidth: -1 });
}
