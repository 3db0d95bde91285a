import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  MAX_SUB_JOBS,
  REQUESTED_AT_ANNOTATION,
  SPEC_DEFAULTS,
  readCloudJob,
  specSchema,
} from '../../../src/api/cloudjob.js';

const metadata = {
  name: 'scale-up',
  namespace: 'infra',
  uid: '0c5a6e3a-5a0e-4e0c-9d3e-1f2a3b4c5d6e',
  generation: 2,
  creationTimestamp: '2026-03-01T10:00:00Z',
};

function read({ spec = { jobID: 'job-1' }, status, annotations }: Record<string, unknown> = {}) {
  return readCloudJob({
    apiVersion: 'cloudjob.dev/v1alpha1',
    kind: 'CloudJob',
    metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }) },
    spec,
    status,
  });
}

function problems(spec: unknown): readonly string[] {
  const { spec: result } = read({ spec });
  return 'problems' in result ? result.problems : [];
}

describe('reading a CloudJob', () => {
  it('takes one without a spec or a status, as API servers without defaults serve it', () => {
    const { spec, status } = readCloudJob({ metadata });

    expect(spec).toEqual({ problems: ['spec.jobID: is required'] });
    expect(status).toEqual({});
  });

  it('keeps the spec as it is written', () => {
    const spec = {
      jobID: '354331b2c-229a-11e8-9c75-0255ac100ceb',
      projectID: 'project-1',
      region: 'eu-de',
      credentialsRef: { name: 'cloud' },
      suspend: true,
      pollIntervalSeconds: 5,
      readyWhen: 'Observed',
      activeDeadlineSeconds: 3600,
      observationDeadlineSeconds: 60,
      ttlSecondsAfterFinished: 0,
    };

    expect(read({ spec }).spec).toEqual(spec);
  });

  it('gives an object without annotations and status empty ones', () => {
    const { metadata: got, status } = read();

    expect(got).toMatchObject({ ...metadata, annotations: {}, isPhaseForeign: false });
    expect(status).toEqual({});
  });

  it('ignores fields that it does not know', () => {
    expect(read({ spec: { jobID: 'job-1', colour: 'red' } }).spec).toEqual({ jobID: 'job-1' });
  });

  it.each<[string, unknown, string]>([
    ['no spec', undefined, 'spec.jobID: is required'],
    ['a spec that is a list', [], 'spec: must be of type object'],
    ['a spec that is a text', 'job-1', 'spec: must be of type object'],
    ['no jobID', {}, 'spec.jobID: is required'],
    ['a jobID that is a number', { jobID: 7 }, 'spec.jobID: must be of type string'],
    ['an empty jobID', { jobID: '' }, 'spec.jobID: must be 1 to 64 of the characters A-Z a-z 0-9 _ -'],
    ['a long jobID', { jobID: 'x'.repeat(65) }, 'spec.jobID: must have at most 64 characters'],
    [
      'a jobID with a slash',
      { jobID: '../x' },
      'spec.jobID: must be 1 to 64 of the characters A-Z a-z 0-9 _ -',
    ],
    [
      'a jobID with a line end',
      { jobID: 'x\n' },
      'spec.jobID: must be 1 to 64 of the characters A-Z a-z 0-9 _ -',
    ],
    [
      'a long projectID',
      { jobID: 'x', projectID: 'x'.repeat(65) },
      'spec.projectID: must have at most 64 characters',
    ],
    [
      'a region that is a URL',
      { jobID: 'x', region: 'https://cce.example' },
      'spec.region: must be the name of a region of the operator: 1 to 63 of a-z 0-9 -, never a URL',
    ],
    [
      'a credentialsRef without a name',
      { jobID: 'x', credentialsRef: {} },
      'spec.credentialsRef.name: is required',
    ],
    [
      'a Secret in another namespace',
      { jobID: 'x', credentialsRef: { name: 'other/secret' } },
      'spec.credentialsRef.name: must be the name of a Secret',
    ],
    ['suspend as text', { jobID: 'x', suspend: 'yes' }, 'spec.suspend: must be of type boolean'],
    [
      'half a second',
      { jobID: 'x', pollIntervalSeconds: 0.5 },
      'spec.pollIntervalSeconds: must be of type int',
    ],
    [
      'an interval of nothing',
      { jobID: 'x', pollIntervalSeconds: 0 },
      'spec.pollIntervalSeconds: Too small: expected number to be >=1',
    ],
    [
      'an unknown readyWhen',
      { jobID: 'x', readyWhen: 'Never' },
      'spec.readyWhen: Invalid option: expected one of "Succeeded"|"Observed"',
    ],
  ])('names the field and the problem of %s', (_, spec, problem) => {
    expect(problems(spec === undefined ? null : spec)).toEqual([problem]);
  });

  it('names all problems at once', () => {
    expect(problems({ jobID: '', region: 'EU', suspend: 1 })).toHaveLength(3);
  });

  it('never repeats a value of the spec, which may be a misplaced secret', () => {
    const spec = {
      jobID: 'sec ret',
      projectID: 'sec ret',
      region: 'sec ret',
      readyWhen: 'sec ret',
      suspend: 'sec ret',
    };

    expect(problems(spec).join()).not.toContain('sec ret');
  });

  it.each<[string, unknown]>([
    ['a text', 'done'],
    ['a list', []],
    ['a wrong phase', { phase: 1 }],
    ['a time that is none', { observedGeneration: 1, startTime: 'yesterday' }],
    ['too many sub-jobs', { subJobs: Array.from({ length: MAX_SUB_JOBS + 1 }, () => ({})) }],
    ['a condition without a type', { conditions: [{ status: 'True' }] }],
  ])('takes a status that is %s for none at all', (_, status) => {
    expect(read({ status }).status).toEqual({});
  });

  it('reads the default status of a fresh object', () => {
    expect(read({ status: { observedGeneration: -1 } }).status).toEqual({ observedGeneration: -1 });
  });

  it('is not moved by names that mean something to JavaScript', () => {
    const hostile = JSON.parse(
      '{"__proto__": "polluted", "constructor": "c", "toString": "t", "hasOwnProperty": "h"}',
    ) as unknown;

    const cloudJob = read({ annotations: hostile, status: { extendParam: hostile } });

    expect(Object.getPrototypeOf(cloudJob.metadata.annotations)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(cloudJob.metadata.annotations).toMatchObject({ constructor: 'c', toString: 't' });
    expect(JSON.parse(JSON.stringify(cloudJob.status.extendParam))).toMatchObject({ constructor: 'c' });
  });

  it.each([
    ['empty', ''],
    ['long', 'x'.repeat(200_000)],
    ['odd', '\u0000\r\n\uD800💥"}'],
  ])('passes on an annotation that is %s', (_, value) => {
    const { annotations } = read({ annotations: { [REQUESTED_AT_ANNOTATION]: value } }).metadata;

    expect(annotations[REQUESTED_AT_ANNOTATION]).toBe(value);
  });

  it('throws on what no API server serves', () => {
    expect(() => readCloudJob({ spec: { jobID: 'x' } })).toThrow('metadata');
    expect(() => readCloudJob(null)).toThrow('object');
  });

  it('reads any spec and any status without an exception', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (spec, status) => {
        const cloudJob = read({ spec, status });

        expect('problems' in cloudJob.spec || specSchema.safeParse(cloudJob.spec).success).toBe(true);
      }),
    );
  });
});

describe('the defaults of a spec', () => {
  it('are values that a spec may have', () => {
    expect(specSchema.parse({ jobID: 'x', ...SPEC_DEFAULTS })).toEqual({ jobID: 'x', ...SPEC_DEFAULTS });
  });
});
