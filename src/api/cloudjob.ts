import * as z from 'zod';
import { MAX_CONDITIONS, MAX_MESSAGE_LENGTH } from './conditions.js';
import { keeperOf, keptFields } from './keeper.js';
import { isPhaseForeign } from './managedFields.js';

/**
 * The CloudJob resource: what users write (`spec`) and read (`status`). The CustomResourceDefinition is made from
 * these schemas (`crd.ts`), and every description here is what `kubectl explain` shows.
 */
export const GROUP = 'cloudjob.dev';
export const VERSION = 'v1alpha1';
export const KIND = 'CloudJob';
export const PLURAL = 'cloudjobs';
export const SHORT_NAME = 'cjob';
/** Group, version and plural under which the API serves CloudJobs. */
export const CLOUD_JOBS = { group: GROUP, version: VERSION, plural: PLURAL, namespaced: true } as const;

/** Requests a poll now. The operator copies the value to `status.lastHandledReconcileAt`. */
export const REQUESTED_AT_ANNOTATION = 'cloudjob.dev/requestedAt';
/** The same for `flux reconcile`. */
export const FLUX_REQUESTED_AT_ANNOTATION = 'reconcile.fluxcd.io/requestedAt';

/** The most sub-jobs that a status lists; the rest are counted in `subJobsOmitted`. */
export const MAX_SUB_JOBS = 64;
/** The most entries of `status.extendParam`. */
export const MAX_EXTEND_PARAMS = 64;
/** The longest value of an identifier, name, type or phase that a status carries, in UTF-16 code units. */
export const MAX_WORD_LENGTH = 256;
/** The longest `reason` or parameter value that a status carries. */
export const MAX_TEXT_LENGTH = 1024;

/**
 * The defaults of spec. The CRD carries the same values, so an object shows them and keeps them over upgrades. The operator
 * uses these for objects to which the CRD's defaults were not applied.
 */
export const SPEC_DEFAULTS = {
  clusterType: 'Standard',
  suspend: false,
  readyWhen: 'Succeeded',
  observationDeadlineSeconds: 600,
} as const;

/** Nine fraction digits and an offset: the longest RFC 3339 time that clocks write. */
const MAX_TIME_LENGTH = 35;

const word = (description: string) => z.string().max(MAX_WORD_LENGTH).describe(description);
const text = (description: string) => z.string().max(MAX_TEXT_LENGTH).describe(description);
const count = (description: string) => z.int().min(0).max(1_000_000).describe(description);
const time = (description: string) =>
  z.iso.datetime({ offset: true }).max(MAX_TIME_LENGTH).describe(description);

/**
 * A CEL rule of the CRD (Kubernetes 1.25 and newer; older API servers ignore it). It uses only keys that 1.25 knows: before
 * 1.28 strict clients refuse `reason` and `fieldPath`, so the message must name the field.
 */
const rule = (expression: string, message: string) => ({ rule: expression, message });

/**
 * Refuses to change or remove a field that was set; setting it later is allowed. The rule is on the spec, because
 * a rule on an optional field is not evaluated when the field is removed.
 */
const immutableOnceSet = (field: string, remedy: string) =>
  rule(
    `!has(oldSelf.${field}) || (has(self.${field}) && self.${field} == oldSelf.${field})`,
    `${field} cannot be changed or removed once it is set: ${remedy}`,
  );

/** 1–64 of `A-Za-z0-9_-`: job IDs are not always UUIDs (the documented example has 37 characters). */
export const jobIDSchema = z
  .string()
  .max(64, 'must have at most 64 characters')
  .regex(/^[A-Za-z0-9_-]+$/, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -');

export const specSchema = z
  .object({
    jobID: jobIDSchema
      .describe(
        'ID of the cloud job to follow, as the cloud returned it when the job was started (status.jobID, jobID or jobid of the reply). In YAML an ID of digits alone needs quotes. Cannot be changed: create another CloudJob for another job.',
      )
      .meta({
        'x-kubernetes-validations': [
          rule(
            'self == oldSelf',
            'jobID cannot be changed: create another CloudJob for the other job, and delete this one if it is no longer needed',
          ),
        ],
      }),
    projectID: z
      .string()
      .max(64, 'must have at most 64 characters')
      .regex(/^[A-Za-z0-9_-]+$/, 'must be 1 to 64 of the characters A-Z a-z 0-9 _ -')
      .optional()
      .describe(
        'ID of the cloud project that the job belongs to. May be left out when the credentials Secret carries projectID. In YAML an ID of digits alone needs quotes. Cannot be changed once set.',
      ),
    region: z
      .string()
      .max(63, 'must have at most 63 characters')
      .regex(
        /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
        'must be the name of a region of the operator: 1 to 63 of a-z 0-9 -, never a URL',
      )
      .meta({
        'x-kubernetes-validations': [
          rule(
            "!self.contains('/') && !self.contains(':')",
            "region is the name of a region in the operator's catalogue, for example eu-de, never a URL: the operator's administrator can add an endpoint to the catalogue under a name",
          ),
        ],
      })
      .optional()
      .describe(
        "Name of a region in the operator's catalogue, for example eu-de; never a URL. Left out: the region of the credentials Secret, else the operator's default region. Cannot be changed once set.",
      ),
    credentialsRef: z
      .object({
        name: z
          .string()
          .max(253)
          .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be the name of a Secret')
          .describe('Name of a Secret in the namespace of this CloudJob.'),
      })
      .optional()
      .describe(
        "The Secret with the cloud credentials: token, or accessKey + secretKey [+ securityToken], or username + password + domainName; optionally projectID and region. Left out: the operator's own credentials, only in namespaces that its configuration allows.",
      ),
    clusterType: z
      .enum(['Standard', 'Autopilot'])
      .meta({
        default: SPEC_DEFAULTS.clusterType,
        'x-kubernetes-validations': [
          rule('self == oldSelf', 'clusterType cannot be changed: create another CloudJob for the job'),
        ],
      })
      .optional()
      .describe(
        'Which kind of cluster the job works on: CCE has an API of its own for the jobs of Autopilot clusters. Standard (the default) or Autopilot. Cannot be changed.',
      ),
    suspend: z
      .boolean()
      .meta({ default: SPEC_DEFAULTS.suspend })
      .optional()
      .describe('While true the job is not polled. Default false.'),
    pollIntervalSeconds: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe(
        "Seconds between two polls of an unfinished job, not less than the operator's minimum. Left out: adaptive, often at first and after changes, less often the longer the job is unchanged.",
      ),
    readyWhen: z
      .enum(['Succeeded', 'Observed'])
      .meta({ default: SPEC_DEFAULTS.readyWhen })
      .optional()
      .describe(
        'When the Ready condition becomes True. Succeeded (the default): when the job has succeeded. Observed: as soon as the job is being followed, for a release or sync wave that must not wait for it.',
      ),
    activeDeadlineSeconds: z
      .int()
      .min(1)
      .max(31_536_000)
      .optional()
      .describe(
        'A job still unfinished this many seconds after its creation makes the CloudJob Stalled with reason DeadlineExceeded. It is still followed, and the condition clears when the job finishes.',
      ),
    observationDeadlineSeconds: z
      .int()
      .min(1)
      .max(31_536_000)
      .meta({ default: SPEC_DEFAULTS.observationDeadlineSeconds })
      .optional()
      .describe(
        'Seconds without a successful poll of the job after which the CloudJob is Stalled with the cause; the same holds for a job that does not change for as long in a phase that nobody documented. Polls go on, and the condition clears with the next success, or change. Give it more than pollIntervalSeconds, or one failed poll is enough. Default 600.',
      ),
    ttlSecondsAfterFinished: z
      .int()
      .min(0)
      .max(31_536_000)
      .optional()
      .describe(
        'Seconds after its job was observed to have finished until this CloudJob is deleted. Left out: it is kept. Ignored, with a Warning event, on an object that has an owner, that a tool tracks, or whose spec was not written by kubectl: it would be created again and again. The annotation cloudjob.dev/ttl: always overrides this.',
      ),
  })
  .describe('Which cloud job to follow, and how.')
  .meta({
    'x-kubernetes-validations': [
      immutableOnceSet('projectID', 'create another CloudJob for a job of another project'),
      immutableOnceSet('region', 'create another CloudJob for a job of another region'),
    ],
  });

export const subJobSchema = z
  .object({
    id: word('ID of the sub-job.').optional(),
    parentID: word('ID of the job or sub-job that this one is a part of.').optional(),
    type: word("The cloud's name for what the sub-job does, for example InstallMaster.").optional(),
    phase: word("The cloud's word for how far the sub-job is.").optional(),
    reason: text('Why the sub-job is in this phase, as the cloud reports it.').optional(),
    resourceID: word('ID of the resource that the sub-job works on.').optional(),
    resourceName: word('Name of the resource that the sub-job works on.').optional(),
    startTime: time("When the sub-job was created, by the cloud's clock.").optional(),
    updateTime: time("When the sub-job last changed, by the cloud's clock.").optional(),
  })
  .describe('One sub-job.');

export const conditionSchema = z
  .object({
    type: z
      .string()
      .min(1)
      .max(316)
      .describe(
        'What the condition is about: Ready, Succeeded, Finished, Settled, Synced, Reconciling, Stalled or Suspended.',
      ),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .describe('The metadata.generation that the condition is about.'),
    lastTransitionTime: time('When the status of the condition last changed.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe('Why, in one word for programs.'),
    message: z.string().max(32_768).describe('Why, in a sentence for people.'),
  })
  .describe('One aspect of the state (metav1.Condition).');

export const statusSchema = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .optional()
      .describe(
        'The metadata.generation that this status is about; -1 before the operator has seen the object.',
      ),
    phase: word(
      "The job's phase as the cloud writes it: Initializing, Running, Success, Failed, or one that is not documented.",
    ).optional(),
    reason: text('Why the job is in this phase, as the cloud reports it.').optional(),
    message: z
      .string()
      .max(MAX_MESSAGE_LENGTH)
      .optional()
      .describe('One line for people: what is known of the job, and for a failure the deepest cause.'),
    jobID: word('ID of the job whose state this is.').optional(),
    type: word("The cloud's name for what the job does, for example CreateCluster.").optional(),
    clusterUID: word('ID of the cluster that the job works on.').optional(),
    resourceID: word('ID of the resource that the job works on.').optional(),
    resourceName: word('Name of the resource that the job works on.').optional(),
    extendParam: z
      .record(z.string().max(MAX_WORD_LENGTH), text('Value of the parameter.'))
      .meta({ maxProperties: MAX_EXTEND_PARAMS })
      .optional()
      .describe('Further parameters of the job, as the cloud reports them.'),
    progress: z
      .object({
        total: count('All leaves of the tree: the jobs without sub-jobs.'),
        succeeded: count('Leaves that have succeeded.'),
        running: count('Leaves that are running.'),
        initializing: count('Leaves that have not started.'),
        failed: count('Leaves that have failed.'),
        unknown: count('Leaves in no documented phase, or without one.'),
        summary: z.string().max(32).describe('Succeeded of total, for example 12/14.'),
      })
      .optional()
      .describe('How far the job is, counted over the leaves of its tree of sub-jobs.'),
    subJobs: z
      .array(subJobSchema)
      .max(MAX_SUB_JOBS)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('The sub-jobs of all levels as a flat list: failed ones first, then unfinished, then done.'),
    subJobsOmitted: count('How many sub-jobs are left out of the list.').optional(),
    startTime: time("When the job was created, by the cloud's clock.").optional(),
    updateTime: time("When the job last changed, by the cloud's clock.").optional(),
    completionTime: time("When the job finished, by the cloud's clock.").optional(),
    lastHandledReconcileAt: word(
      'The value of the annotation cloudjob.dev/requestedAt (or reconcile.fluxcd.io/requestedAt) that was acted on last.',
    ).optional(),
    conditions: z
      .array(conditionSchema)
      .max(MAX_CONDITIONS)
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
      .optional()
      .describe('The state in the form that tools wait on.'),
  })
  .describe('What the operator knows of the job; only the operator writes it.')
  // Without it, tools that compare generations take an object for finished before the operator has seen it.
  .meta({ default: { observedGeneration: -1 } });

export type CloudJobSpec = z.output<typeof specSchema>;
export type CloudJobStatus = z.output<typeof statusSchema>;
export type SubJobStatus = z.output<typeof subJobSchema>;

/** The part of an object's metadata that the operator uses. */
const metadataFields = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  generation: z.int().default(1),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.iso.datetime({ offset: true }),
  deletionTimestamp: z.string().optional(),
  ...keptFields,
});
/** managedFields, labels and owners can be as long as the object: only what follows from them is kept. */
const metadataSchema = metadataFields.transform(({ managedFields, labels, ownerReferences, ...metadata }) => {
  const keeper = keeperOf({ ...metadata, managedFields, labels, ownerReferences });
  return {
    ...metadata,
    isPhaseForeign: isPhaseForeign(managedFields),
    ...(keeper === undefined ? {} : { keeper }),
  };
});

export type CloudJobMetadata = z.output<typeof metadataSchema>;

/** A spec that breaks the rules, and what is wrong with it; `jobID` if that can be read. */
export interface UnreadableSpec {
  readonly problems: readonly string[];
  readonly jobID?: string;
}

/** A CloudJob with good metadata. Its spec may be invalid (an old API server, a widened schema). */
export interface CloudJob {
  readonly metadata: CloudJobMetadata;
  readonly spec: CloudJobSpec | UnreadableSpec;
  /** `{}` when absent or unreadable: the operator then rebuilds it from the cloud. */
  readonly status: CloudJobStatus;
}

/** Made once: making a schema takes several times longer than reading an object with it. */
const objectSchema = z.object({
  metadata: metadataSchema,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});
const jobIDOnlySchema = z.object({ jobID: jobIDSchema });

/** Reads an object from the API server. Throws when it has no usable metadata, which no API server serves. */
export function readCloudJob(object: unknown): CloudJob {
  const { metadata, spec, status } = objectSchema.parse(object);
  const readSpec = specSchema.safeParse(spec ?? {}, { error: describeWrongType });
  const readStatus = statusSchema.safeParse(status ?? {});
  return {
    metadata,
    spec: readSpec.success ? readSpec.data : unreadable(spec, readSpec.error),
    status: readStatus.success ? readStatus.data : {},
  };
}

function unreadable(spec: unknown, error: z.ZodError): UnreadableSpec {
  const jobID = jobIDOnlySchema.safeParse(spec).data?.jobID;
  return { problems: error.issues.map(describeIssue), ...(jobID === undefined ? {} : { jobID }) };
}

/** Replaces zod's message for a wrong type, which is for programmers; its other messages are good enough. */
function describeWrongType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  return issue.input === undefined ? 'is required' : `must be of type ${issue.expected}`;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  return `${['spec', ...issue.path].join('.')}: ${issue.message}`;
}
