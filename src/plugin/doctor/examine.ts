import type { CloudJob, CloudJobSpec } from '../../api/cloudjob.js';
import type { Authenticators } from '../../cloud/auth/authenticators.js';
import type { JobClient } from '../../cloud/client.js';
import type { Http } from '../../cloud/http.js';
import type { Region } from '../../cloud/regions.js';
import type { Clock } from '../../clock.js';
import { readableSpec } from '../../reconcile/cloudJob.js';
import { ClusterSecrets } from '../../cluster/secrets.js';
import type { Config } from '../../settings/config.js';
import { CommandError, getCloudJob, problemOf, type Cluster } from '../cluster.js';
import { checkCrd, checkServer } from './crd.js';
import { checkCredentials, checkJob, checkStatus } from './job.js';
import { checkClock, checkDns, checkProxy, checkTls, type Network } from './network.js';
import { checkLease, checkSpecSeen } from './operator.js';
import { checkRegion, checkSecret, type SecretContent } from './place.js';
import { checkOperatorsRights, checkYourRights } from './rights.js';
import { cannotTell, ok, wrong, type Finding, type Step } from './step.js';

export interface Patient {
  readonly cluster: Cluster;
  readonly name: string;
  readonly operator: { readonly namespace: string; readonly serviceAccount: string };
  readonly config: Pick<Config, 'regions' | 'defaultRegion'>;
  /** Whether `config` is the operator's own; else only the built-in regions are known. */
  readonly hasConfig: boolean;
  readonly http: Http;
  readonly jobClient: Pick<JobClient, 'read'>;
  readonly authenticators: Pick<Authenticators, 'of'>;
  readonly network: Network;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with the name of a step that may take seconds, when it begins. */
  readonly onStep: (name: string) => void;
}

/**
 * Checks the chain from the person to the job step by step, and ends at the first problem. It calls the cloud once, with
 * the CloudJob's own credentials, and only at an endpoint of the region catalogue.
 */
export async function* examine(patient: Patient): AsyncGenerator<Step> {
  const { cluster, clock, signal } = patient;
  yield await check(patient, 'API server', checkServer(cluster, signal));
  yield await check(patient, 'CloudJob CRD', checkCrd(cluster, signal));
  yield await check(patient, 'your rights', checkYourRights(cluster, signal));

  const found = await findCloudJob(patient);
  yield named('CloudJob', found.finding);
  if (found.cloudJob === undefined) return;
  const { cloudJob, spec } = found;

  yield await check(
    patient,
    'operator',
    checkLease(cluster, patient.operator.namespace, spec.jobID, clock, signal),
  );
  const account = `${patient.operator.namespace}:${patient.operator.serviceAccount}`;
  const secretName = spec.credentialsRef?.name;
  const rights = checkOperatorsRights(cluster, account, secretName, signal);
  yield await check(patient, "operator's rights", rights);
  yield named("operator's notice", checkSpecSeen(cloudJob, clock.now()));

  yield* examineCloud(patient, cloudJob, spec);
  yield named('status', checkStatus(cloudJob));
}

async function* examineCloud(patient: Patient, cloudJob: CloudJob, spec: CloudJobSpec): AsyncGenerator<Step> {
  const { clock, signal, network, http } = patient;
  const secret = await findSecret(patient, cloudJob, spec);
  yield named('Secret', secret.finding);
  const { finding, region } = checkRegion(spec, secret.content?.region, patient.config, patient.hasConfig);
  yield named('region', finding);
  if (region === undefined) return;

  const usesIAM = secret.content?.credentials.kind === 'password';
  const urls = [region.cce, ...(usesIAM ? [region.iam] : [])].map((address) => new URL(address));
  const proxy = checkProxy(urls, network);
  if (proxy !== undefined) yield named('proxy', proxy);
  yield await check(patient, 'DNS', checkDns(urls, network, clock, signal));
  yield await check(patient, 'TLS', checkTls(urls, network, clock, signal));
  yield await check(patient, 'clock', checkClock(new URL(region.cce), http, clock, signal));
  if (secret.content !== undefined) yield* checkCloud(patient, cloudJob, region, secret.content);
}

async function* checkCloud(
  patient: Patient,
  cloudJob: CloudJob,
  region: Region,
  secret: SecretContent,
): AsyncGenerator<Step> {
  const { jobClient, authenticators, signal, cluster } = patient;
  const { spec } = cloudJob;
  const { jobID } = spec;
  const { clusterType, projectID = secret.projectID } = readableSpec(cloudJob);
  if (projectID === undefined || jobID === undefined) {
    yield named(
      'project',
      wrong(
        `neither spec.projectID nor the key projectID of the Secret is set, in namespace ${cluster.namespace}`,
        'set one of them',
      ),
    );
    return;
  }
  patient.onStep('credentials');
  const authenticator = authenticators.of(secret.credentials, cluster.namespace);
  const observation = await jobClient.read({ region, projectID, jobID, clusterType, authenticator }, signal);
  const error = observation.kind === 'error' ? observation.error : undefined;
  const credentials = checkCredentials(error);
  yield named('credentials', credentials);
  if (credentials.kind !== 'ok') return;
  yield named('job', checkJob(cloudJob, observation.kind === 'job' ? observation.job : observation.error));
}

type Found =
  | { readonly finding: Finding; readonly cloudJob: CloudJob; readonly spec: CloudJobSpec }
  | { readonly finding: Finding; readonly cloudJob?: undefined };

async function findCloudJob({ cluster, name, signal }: Patient): Promise<Found> {
  try {
    const cloudJob = await getCloudJob(cluster, name, signal);
    const { spec } = cloudJob;
    const what = `${cluster.namespace}/${name}`;
    if ('problems' in spec) {
      return {
        finding: wrong(`the spec of ${what} cannot be used: ${spec.problems.join('; ')}`, 'correct it'),
      };
    }
    return { finding: ok(`${what} is there and follows job ${spec.jobID}`), cloudJob, spec };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { finding: wrong(error.message, 'check the name and the namespace') };
  }
}

async function findSecret(
  { cluster: { client, namespace }, signal }: Patient,
  { status }: CloudJob,
  spec: CloudJobSpec,
): Promise<{ readonly finding: Finding; readonly content?: SecretContent }> {
  const name = spec.credentialsRef?.name;
  if (name === undefined) {
    const isRefused = status.conditions?.some(({ reason }) => reason === 'CredentialsRequired') ?? false;
    return {
      finding: isRefused
        ? wrong(
            `the operator has no credentials of its own for namespace ${namespace}`,
            'name a Secret in spec.credentialsRef',
          )
        : cannotTell("the operator uses credentials of its own, which can't be tried from here"),
    };
  }
  try {
    return checkSecret(
      `${namespace}/${name}`,
      await new ClusterSecrets(client).read(namespace, name, signal),
    );
  } catch (error) {
    return { finding: cannotTell(problemOf(error, `Secret ${namespace}/${name}`).message) };
  }
}

async function check({ onStep }: Patient, name: string, finding: Promise<Finding>): Promise<Step> {
  onStep(name);
  return named(name, await finding);
}

function named(name: string, finding: Finding): Step {
  return { name, ...finding };
}
