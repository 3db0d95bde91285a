import { REQUESTED_AT_ANNOTATION, SPEC_DEFAULTS, type CloudJob } from '../../api/cloudjob.js';
import { findCondition } from '../../api/conditions.js';
import type { CloudError } from '../../cloud/errors.js';
import type { Job } from '../../cloud/job.js';
import { classifyPhase } from '../../cloud/phase.js';
import { readableSpec } from '../../reconcile/cloudJob.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

const NO_JOB_API =
  "the endpoint does not answer as the job API; check spec.projectID and the region's address in the operator's config";

/** What an error of the cloud means for the credentials. */
export function checkCredentials(error: CloudError | undefined): Finding {
  if (error === undefined) return ok('the cloud accepts the credentials');
  const detail = `${error.code === undefined ? '' : `${error.code}: `}${error.message}`;
  switch (error.class) {
    case 'unauthorized':
      return wrong(
        `the cloud rejects the credentials (${detail})`,
        'renew them in the Secret; the operator notices by itself, within seconds',
      );
    case 'forbidden':
      return wrong(
        `the credentials may not read the job (${detail})`,
        'grant them the action cce:job:get in the project; is it the right project?',
      );
    case 'misconfigured': {
      const [problem, remedy] = (error.meaning ?? NO_JOB_API).split('; ');
      return wrong(`${problem} (${detail})`, `${remedy}`);
    }
    case 'notFound':
      return ok('the cloud accepts the credentials');
    case 'throttled':
    case 'transient':
    case 'malformed':
      return cannotTell(`the cloud gave no usable answer just now (${detail})`);
  }
}

/** What the cloud's answer means for the job. */
export function checkJob(cloudJob: CloudJob, answer: Job | CloudError): Finding {
  const { spec, status } = cloudJob;
  const { clusterType = SPEC_DEFAULTS.clusterType } = readableSpec(cloudJob);
  if ('class' in answer) {
    return wrong(
      `the cloud does not know job ${spec.jobID} of ${clusterType} clusters`,
      'check spec.jobID, spec.projectID, spec.region and spec.clusterType; old jobs are forgotten by the cloud',
    );
  }
  const phase = answer.phase ?? 'no phase';
  if (classifyPhase(answer.phase) !== 'failed') return ok(`it is in phase ${phase}`);
  return wrong(
    status.message ?? `it has failed: ${answer.reason ?? 'the cloud gives no reason'}`,
    REMEDY_OF_FAILURE,
  );
}

const REMEDY_OF_FAILURE =
  'a failed job stays failed: remove the cause, start it again in the cloud, and create a CloudJob for the new job ID';

/** The last check: the conditions that the operator wrote. */
export function checkStatus({ metadata, status }: CloudJob): Finding {
  const { conditions } = status;
  const trouble = findCondition(conditions, 'Stalled') ?? untrue(findCondition(conditions, 'Synced'));
  if (findCondition(conditions, 'Finished')?.status === 'True' && trouble === undefined) {
    return ok(status.message ?? 'it has finished');
  }
  if (findCondition(conditions, 'Suspended')?.status === 'True') {
    return wrong('it is suspended: the operator does not poll the job', 'set spec.suspend to false');
  }
  if (trouble === undefined) return ok(status.message ?? 'nothing yet');
  return wrong(`${trouble.reason}: ${trouble.message}`, remedyOf(trouble.reason, metadata));
}

function untrue(condition: ReturnType<typeof findCondition>): ReturnType<typeof findCondition> {
  return condition?.status === 'False' ? condition : undefined;
}

function remedyOf(reason: string, { namespace, name }: CloudJob['metadata']): string {
  switch (reason) {
    case 'JobFailed':
      return REMEDY_OF_FAILURE;
    case 'CloudUnavailable':
      return "what is between the operator's pod and the cloud? Look at its network policies, egress rules, DNS and clock, and at its log";
    case 'CloudThrottled':
      return 'the operator slows down by itself; other clients of the project may have to, too';
    case 'DeadlineExceeded':
      return 'the job takes longer than spec.activeDeadlineSeconds: raise that, or look at the job in the cloud';
    case 'CredentialsRejected':
    case 'AccessDenied':
    case 'CloudMisconfigured':
      return `when it is put right, the operator notices within about two minutes, or at once: kubectl -n ${namespace} annotate cjob/${name} ${REQUESTED_AT_ANNOTATION}="$(date +%s)" --overwrite`;
    default:
      return "the message says what to do; the operator's log has more";
  }
}
