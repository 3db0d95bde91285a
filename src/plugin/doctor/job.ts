import { REQUESTED_AT_ANNOTATION, SPEC_DEFAULTS, type CloudJob } from '../../api/cloudjob.js';
import { findCondition } from '../../api/conditions.js';
import type { CloudError } from '../../cloud/errors.js';
import type { Job } from '../../cloud/job.js';
import { classifyPhase } from '../../cloud/phase.js';
import { describeError, REACTIONS } from '../../cloud/reactions.js';
import { readableSpec } from '../../reconcile/cloudJob.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

/** What an error of the cloud means for the credentials. */
export function checkCredentials(error: CloudError | undefined): Finding {
  if (error === undefined || error.class === 'notFound') return ok('the cloud accepts the credentials');
  const { problem, remedy } = describeError(error);
  const detail = detailOf(error);
  if (error.foreign === true) {
    return wrong(
      `something between here and the cloud answered (${detail})`,
      "check proxies and firewalls here, and the region's addresses in the operator's config",
    );
  }
  if (REACTIONS[error.class].kind === 'unreachable' && error.meaning === undefined) {
    return cannotTell(`the cloud gave no usable answer just now (${detail})`);
  }
  return wrong(`${lowerFirst(problem)} (${detail})`, remedy);
}

/** Findings begin with a small letter, but for names such as `IAM`. */
function lowerFirst(clause: string): string {
  return clause.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

/** The cloud's own words, and the ID by which its support finds the call. */
function detailOf(error: CloudError): string {
  const { detail } = describeError(error);
  return error.requestID === undefined ? detail : `${detail}; request ID ${error.requestID}`;
}

/** What the cloud's answer means for the job. */
export function checkJob(cloudJob: CloudJob, answer: Job | CloudError): Finding {
  const { spec, status } = cloudJob;
  const { clusterType = SPEC_DEFAULTS.clusterType } = readableSpec(cloudJob);
  if ('class' in answer) {
    return wrong(
      `the cloud does not know job ${spec.jobID} of ${clusterType} clusters (${detailOf(answer)})`,
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
      return "check what is between the operator's pod and the cloud: network policies, egress rules, DNS and the pod's clock; then check its log";
    case 'CloudThrottled':
      return 'the operator slows down by itself; other clients of the project may have to, too';
    case 'DeadlineExceeded':
      return 'the job takes longer than spec.activeDeadlineSeconds: raise that, or check the job in the cloud';
    case 'CredentialsRejected':
    case 'AccessDenied':
    case 'CloudMisconfigured':
      return `when it is put right, the operator notices within about two minutes, or at once: kubectl -n ${namespace} annotate cjob/${name} ${REQUESTED_AT_ANNOTATION}="$(date +%s)" --overwrite`;
    default:
      return "the message says what to do; the operator's log has more";
  }
}
