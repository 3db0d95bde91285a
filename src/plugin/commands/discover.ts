import { CLOUD_JOBS } from '../../api/cloudjob.js';
import { Authenticators } from '../../cloud/auth/authenticators.js';
import { JobClient } from '../../cloud/client.js';
import type { CloudError } from '../../cloud/errors.js';
import { createHttp } from '../../cloud/http.js';
import { describeError } from '../../cloud/reactions.js';
import { UsageError } from '../../commandLine.js';
import { readProxies } from '../../proxy.js';
import { ClusterSecrets } from '../../cluster/secrets.js';
import { clusterCredentials, environmentCredentials } from '../cloudAccess.js';
import { CommandError, problemOf, type Cluster } from '../cluster.js';
import { discoverJobs, type DiscoveredJob } from '../discovery.js';
import { checkRegion } from '../doctor/place.js';
import type { Flags } from '../flags.js';
import { makeManifest, manifestYAML, type Manifest } from '../manifest.js';
import { readOperatorConfig } from '../operatorConfig.js';
import { readShown } from '../shown.js';
import { discoveredLines } from '../view/discovered.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';
import { applyManifest } from './create.js';
import { listObjects } from './pages.js';

/** In bytes; a job with its sub-jobs has some 10 KB. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** The API has no pages; older jobs are left out. */
const MAX_JOBS = 500;

/**
 * Lists the jobs of a cloud project, and with `--apply` follows each with a CloudJob.
 *
 * @throws UsageError, CommandError
 */
export async function discover(cluster: Cluster, flags: Flags, context: CommandContext): Promise<number> {
  const { output, clock, signal } = context;
  const { namespace } = cluster;
  const found = await findJobs(cluster, flags, context);
  const jobs = found.jobs.slice(0, MAX_JOBS);
  const manifests = jobs
    .filter(({ isFollowed }) => !isFollowed)
    .map((job) => manifestOf(job, found.place, namespace, flags.secret));
  if (flags.apply) {
    for (const manifest of manifests) {
      output.print([await applyManifest(manifest, cluster, signal)]);
    }
    if (manifests.length === 0) output.complain('No job is left to follow.');
  } else if (flags.output === 'yaml') {
    output.print(manifests.flatMap((manifest) => ['---', ...manifestYAML(manifest).trimEnd().split('\n')]));
  } else if (flags.output === 'json') {
    output.print(jsonLines({ items: jobs.map(jsonOf) }));
  } else if (jobs.length === 0) {
    output.complain(`No jobs in project ${found.place.projectID} that match.`);
  } else {
    output.print(discoveredLines(jobs, clock.now(), output.paint));
  }
  const omitted = found.jobs.length - jobs.length;
  if (omitted > 0) output.complain(`${omitted} older jobs are left out; --since and --type narrow the list.`);
  return signal.aborted ? EXIT.interrupted : EXIT.ok;
}

interface Place {
  readonly region: string;
  readonly projectID: string;
}

async function findJobs(
  { client, namespace }: Cluster,
  flags: Flags,
  { clock, random, signal, env }: CommandContext,
): Promise<{ readonly jobs: readonly DiscoveredJob[]; readonly place: Place }> {
  const { secret, region: ofFlag, project, config: configFile } = flags;
  const access =
    secret === undefined
      ? environmentCredentials(env)
      : await clusterCredentials(new ClusterSecrets(client), namespace, secret, signal);
  const config = readOperatorConfig(configFile);
  const { finding, region } = checkRegion(
    { region: ofFlag },
    access.region,
    config,
    configFile !== undefined,
  );
  if (region === undefined) throw new CommandError(`region: ${finding.detail}; --region names another`);
  const projectID = project ?? access.projectID;
  if (projectID === undefined) {
    throw new UsageError('discover: --project ID is missing, and the credentials name no project');
  }
  const { objects } = await listObjects(client, CLOUD_JOBS, { namespace }, signal).catch((error: unknown) => {
    throw problemOf(error, `CloudJobs of namespace ${namespace}`);
  });
  const http = createHttp(clock, {
    timeoutMs: config.requestDeadlineSeconds * 1000,
    maxBodyBytes: MAX_LIST_BYTES,
    proxyFor: readProxies(env),
  });
  try {
    const authenticator = new Authenticators(http, clock, random).of(access.credentials, namespace);
    const target = { region, projectID, jobID: '', authenticator };
    const answer = await new JobClient(http, clock).list(target, signal);
    if (answer.kind === 'error') throw new CommandError(describe(answer.error, projectID, region.name));
    const filter = { clusterUID: flags.cluster, type: flags.type, sinceMs: flags.sinceMs };
    const jobs = discoverJobs(answer.entries, filter, objects.map(readShown), clock.now());
    return { jobs, place: { region: region.name, projectID } };
  } finally {
    http.close();
  }
}

function manifestOf(
  { job, name }: DiscoveredJob,
  place: Place,
  namespace: string,
  secret?: string,
): Manifest {
  const made = makeManifest(job.id, { ...place, name, namespace, secret });
  if (made.kind === 'problem') throw new UsageError(`discover: job ${job.id}: ${made.problem}`);
  return made.manifest;
}

function jsonOf({ job, name, isFollowed }: DiscoveredJob) {
  const { id: jobID, type, phase, reason, resourceName, resourceID, clusterUID, startTime } = job;
  const cloudJob = isFollowed ? name : undefined;
  return { jobID, type, phase, reason, resourceName, resourceID, clusterUID, startTime, cloudJob };
}

function describe(error: CloudError, projectID: string, region: string): string {
  const { problem, remedy, detail } = describeError(error);
  const what = `the jobs of project ${projectID} in ${region}`;
  if (error.meaning !== undefined) return `${what}: ${problem} (${detail}); ${remedy}`;
  switch (error.class) {
    case 'forbidden':
      return `${what}: the credentials may not list them (${detail}); grant them the action cce:job:list in the project`;
    case 'unauthorized':
      return `${what}: the cloud rejects the credentials (${detail}); renew them`;
    case 'notFound':
    case 'misconfigured':
      return `${what}: this CCE does not list jobs there (${detail}); check --project and --region; older versions have no list`;
    default:
      return `${what}: ${detail}; try again`;
  }
}
