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

const COLUMNS: readonly Column[] = [
  { name: 'Type', type: 'string', description: 'What the job does.', jsonPath: '.status.type' },
  { name: 'Phase', type: 'string', description: "The job's phase.", jsonPath: '.status.phase' },
  {
    name: 'Progress',
    type: 'string',
    description: 'Sub-jobs that have succeeded, of all.',
    jsonPath: '.status.progress.summary',
  },
  {
    name: 'Ready',
    type: 'string',
    description: 'Status of the Ready condition.',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'Reason of the Ready condition.',
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  },
  {
    name: 'Age',
    type: 'date',
    description: 'Time since the CloudJob was created.',
    jsonPath: '.metadata.creationTimestamp',
  },
  { name: 'Job-ID', type: 'string', description: 'ID of the job.', jsonPath: '.spec.jobID', priority: 1 },
  {
    name: 'Resource',
    type: 'string',
    description: 'Name of the resource that the job works on.',
    jsonPath: '.status.resourceName',
    priority: 1,
  },
  {
    name: 'Started',
    type: 'date',
    description: 'Time since the job was created.',
    jsonPath: '.status.startTime',
    priority: 1,
  },
  {
    name: 'Finished',
    type: 'date',
    description: 'Time since the job finished.',
    jsonPath: '.status.completionTime',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    description: 'What is known of the job.',
    jsonPath: '.status.message',
    priority: 1,
  },
];

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
