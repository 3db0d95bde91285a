import { dump } from 'js-yaml';
import { GROUP, KIND, PLURAL, SHORT_NAME, VERSION, specSchema, statusSchema } from './cloudjob.js';
import { toStructuralSchema, type StructuralSchema } from './structural.js';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly description: string;
  readonly jsonPath: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

const READY = '.status.conditions[?(@.type=="Ready")]';

const COLUMNS: readonly Column[] = [
  column('Type', 'What the job does.', '.status.type'),
  column('Phase', "The job's phase.", '.status.phase'),
  column('Progress', 'Sub-jobs that have succeeded, of all.', '.status.progress.summary'),
  column('Ready', 'Status of the Ready condition.', `${READY}.status`),
  column('Reason', 'Reason of the Ready condition.', `${READY}.reason`),
  column('Age', 'Time since the CloudJob was created.', '.metadata.creationTimestamp', 'date'),
  wide(column('Job-ID', 'ID of the job.', '.spec.jobID')),
  wide(column('Resource', 'Name of the resource that the job works on.', '.status.resourceName')),
  wide(column('Started', 'Time since the job was created.', '.status.startTime', 'date')),
  wide(column('Finished', 'Time since the job finished.', '.status.completionTime', 'date')),
  wide(column('Message', 'What is known of the job.', '.status.message')),
];

function column(
  name: string,
  description: string,
  jsonPath: string,
  type: Column['type'] = 'string',
): Column {
  return { name, type, description, jsonPath };
}

function wide(shown: Column): Column {
  return { ...shown, priority: 1 };
}

/**
 * The CustomResourceDefinition of CloudJob. API servers before 1.25 accept it too, and drop its CEL rules; kubectl
 * needs `--validate=false` there, because it does not know the key of the rules.
 */
export function cloudJobCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: [SHORT_NAME],
        categories: ['cloud'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: cloudJobSchema() },
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
        },
      ],
    },
  };
}

/** The same as the YAML document that `crds/` holds; equal schemas give equal bytes. */
export function crdYaml(): string {
  return `# Generated from src/api by "npm run crd": change the schemas there, not this file.\n${dump(
    cloudJobCrd(),
    {
      lineWidth: 110,
      noRefs: true,
    },
  )}`;
}

/** The schema of a whole CloudJob, as in the CRD. */
export function cloudJobSchema(): StructuralSchema {
  return {
    type: 'object',
    description:
      'A CloudJob follows one asynchronous job in the cloud and reports how it goes. It never starts, changes or cancels the job.',
    required: ['spec'],
    properties: {
      apiVersion: {
        type: 'string',
        maxLength: 64,
        description: `Version of the schema of this object: ${GROUP}/${VERSION}.`,
      },
      kind: { type: 'string', maxLength: 64, description: `Kind of this object: ${KIND}.` },
      // The API server describes metadata itself, and refuses a description here.
      metadata: { type: 'object' },
      spec: toStructuralSchema(specSchema),
      status: toStructuralSchema(statusSchema),
    },
  };
}
