import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_EXTEND_PARAMS, MAX_TEXT_LENGTH, MAX_WORD_LENGTH } from '../../../src/api/cloudjob.js';
import { parseAnswer } from '../../../src/cloud/answerJSON.js';
import { readJob, type Job } from '../../../src/cloud/job.js';

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixtures/cce/jobs/${name}.json`, import.meta.url), 'utf8'));
}

function jobOf(body: unknown): Job {
  const read = readJob(body);
  if (read.kind !== 'job') throw new Error(read.problem);
  return read.job;
}

function nodesOf(job: Job): Job[] {
  return [job, ...job.subJobs.flatMap(nodesOf)];
}

describe('readJob', () => {
  it('reads the documented example field by field', () => {
    expect(jobOf(fixture('documented-create-cluster'))).toEqual({
      id: '354331b2c-229a-11e8-9c75-0255ac100ceb',
      type: 'CreateCluster',
      clusterUID: '4d1ecb2c-229a-11e8-9c75-0255ac100ceb',
      resourceID: '6f4dcb2c-229a-11e8-9c75-0255ac100ceb',
      resourceName: 'cluster-name',
      extendParam: { serverID: 'bc467e3a-2338-11e8-825b-0255ac100c13' },
      phase: 'Running',
      startTime: '2020-02-02T08:12:40Z',
      updateTime: '2020-02-02T08:21:50Z',
      subJobs: [
        {
          id: 'fd474fab-9606-11e8-baa9-0255ac10215d',
          type: 'InstallMaster',
          clusterUID: 'fcc72de0-9606-11e8-baa8-0255ac10215d',
          resourceID: 'fd3b4ac0-9606-11e8-baa8-0255ac10215d',
          extendParam: { serverID: 'fd3b4ac0-9606-11e8-baa8-0255ac10215d' },
          phase: 'Success',
          startTime: '2020-02-02T03:52:34Z',
          updateTime: '2020-02-02T04:05:29Z',
          subJobs: [],
        },
        {
          id: 'fd474f82-9606-11e8-baa8-0255ac10215d',
          type: 'CreatePSMCert',
          clusterUID: 'fcc72de0-9606-11e8-baa8-0255ac10215d',
          extendParam: {},
          phase: 'Success',
          startTime: '2020-02-02T03:52:33Z',
          updateTime: '2020-02-02T03:52:34Z',
          subJobs: [],
        },
      ],
    });
  });

  it('reads the v2 form as well', () => {
    expect(jobOf(fixture('v2-scaleup-failed'))).toEqual({
      id: 'b7f5c2d0-77aa-11f0-9a0c-0255ac100b07',
      type: 'ScaleupCluster',
      clusterUID: '4c3b8ac2-6f01-11f0-9a0c-0255ac100b07',
      resourceID: 'b7e1f9a8-77aa-11f0-9a0c-0255ac100b07',
      resourceName: 'node-k3v2x',
      extendParam: { claimrollback: 'true', 'node.zone': '', 'v3-scaleup': 'true' },
      phase: 'Failed',
      reason: 'The resource was taken back after an error',
      startTime: '2025-08-12T20:01:02Z',
      updateTime: '2025-08-12T20:44:59Z',
      completionTime: '2025-08-12T20:44:59Z',
      subJobs: [],
    });
  });

  it('reads nested sub-jobs, those without a status and without metadata included', () => {
    const job = jobOf(fixture('v3-nested-failed'));

    expect(nodesOf(job).map(({ type, phase }) => [type, phase])).toEqual([
      ['ScaleupCluster', 'Failed'],
      ['CreateNode', undefined],
      ['GetPSMCert', 'Success'],
      ['InstallNode', 'Failed'],
    ]);
    expect(job.subJobs[0]?.subJobs[1]?.reason).toBe('Failed to install the node');
  });

  it.each([
    [
      'an object',
      { a: 'x', b: 1, c: true, d: null, e: { f: [1] } },
      { a: 'x', b: '1', c: 'true', e: '{"f":[1]}' },
    ],
    ['the JSON of an object', '{"serverID":"s-1","n":2}', { serverID: 's-1', n: '2' }],
    ['another text', 'serverID=s-1', { value: 'serverID=s-1' }],
    ['the JSON of a list', '[1]', { value: '[1]' }],
    ['an empty text', '', {}],
    ['null', null, {}],
    ['absent', undefined, {}],
    ['a list', ['a'], {}],
    ['a number', 7, {}],
  ])('reads extendParam when it is %s', (_name, extendParam, expected) => {
    const job = jobOf({ status: { phase: 'Running' }, spec: { extendParam } });

    expect(job.extendParam).toEqual(expected);
  });

  it.each([
    ['an ID of 64 bits', '9223372036854775807', '9223372036854775807'],
    ['a negative one', '-9223372036854775808', '-9223372036854775808'],
    ['one that a double holds', '9007199254740991', '9007199254740991'],
    ['a fraction', '1234567890123456789.5', '1234567890123456800'],
    ['digits in a text', '"\\"12345678901234567890"', '"12345678901234567890'],
    ['one within an object', '{"id":9223372036854775807}', '{"id":"9223372036854775807"}'],
  ])('keeps the digits of a number in extendParam: %s', (_name, json, expected) => {
    const job = jobOf(parseAnswer(`{"status":{"phase":"Running"},"spec":{"extendParam":{"id":${json}}}}`));

    expect(job.extendParam).toEqual({ id: expected });
  });

  it('keeps them where extendParam is a text of JSON, too', () => {
    const job = jobOf({ status: { phase: 'Running' }, spec: { extendParam: '{"id":9223372036854775807}' } });

    expect(job.extendParam).toEqual({ id: '9223372036854775807' });
  });

  it.each(['{12345678901234567890:1}', '{"id":012345678901234567890}', '{"id":12345678901234567890'])(
    'takes no other JSON for the sake of long numbers: %s',
    (text) => {
      expect(parseAnswer(text)).toBeUndefined();
    },
  );

  it('reads long numbers among a megabyte of quotes as fast as any other answer', () => {
    const text = JSON.stringify(['"'.repeat(400_000), 0]).replace(/0]$/, '12345678901234567890]');

    expect(parseAnswer(text)).toEqual(['"'.repeat(400_000), '12345678901234567890']);
  });

  it('leaves out a parameter of a name that no object has as a field of its own', () => {
    const params = '{"__proto__":"x"," __proto__ ":"y","constructor":"z"}';
    const job = jobOf(JSON.parse(`{"status":{"phase":"Running"},"spec":{"extendParam":${params}}}`));

    expect(Object.entries(job.extendParam)).toEqual([['constructor', 'z']]);
    expect(Object.getPrototypeOf(job.extendParam)).toBe(Object.prototype);
  });

  it.each([
    ['a list', [{ spec: { type: 'A' } }, { spec: { type: 'B' } }], ['A', 'B']],
    ['one object', { spec: { type: 'A' } }, ['A']],
    ['a list with other things in it', [null, 'x', 3, [], { spec: { type: 'A' } }], ['A']],
    ['null', null, []],
    ['absent', undefined, []],
    ['a text', 'none', []],
  ])('reads subJobs when they are %s', (_name, subJobs, types) => {
    const job = jobOf({ status: { phase: 'Running' }, spec: { subJobs } });

    expect(job.subJobs.map(({ type }) => type)).toEqual(types);
  });

  it('leaves out single fields of a wrong type and keeps the rest', () => {
    const body = {
      metadata: { uid: 5, creationTimestamp: 12, updateTimestamp: 'soon' },
      spec: { type: ['x'], clusterUID: null, resourceID: {}, resourceName: 'kept' },
      status: { phase: 'Running', reason: 7 },
    };

    expect(jobOf(body)).toEqual({ resourceName: 'kept', phase: 'Running', extendParam: {}, subJobs: [] });
  });

  it('keeps unknown phases verbatim and ignores unknown fields', () => {
    expect(jobOf({ status: { phase: 'Paused', colour: 'red' }, more: [1] }).phase).toBe('Paused');
  });

  it('takes an undocumented message for a reason that is empty', () => {
    expect(jobOf({ status: { phase: 'Failed', reason: '', message: 'no quota' } }).reason).toBe('no quota');
  });

  it('cleans and bounds every text', () => {
    const params = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`p${n}`, 'x'.repeat(5000)]));
    const job = jobOf({
      spec: { type: 't'.repeat(5000), resourceName: 'a\nb\u001b[31m\u202e', extendParam: params },
      status: { phase: 'Failed', reason: 'r'.repeat(1_000_000) },
    });

    expect(job.type).toHaveLength(MAX_WORD_LENGTH);
    expect(job.reason).toHaveLength(MAX_TEXT_LENGTH);
    expect(job.resourceName).toBe('a b');
    expect(Object.keys(job.extendParam)).toHaveLength(MAX_EXTEND_PARAMS);
    expect(job.extendParam['p0']).toHaveLength(MAX_TEXT_LENGTH);
  });

  it('takes a job without a phase for a job when it says that it is one', () => {
    expect(jobOf({ kind: 'Job', metadata: {}, spec: {} }).phase).toBeUndefined();
    expect(jobOf({ metadata: { uid: 'j-1' }, status: null }).id).toBe('j-1');
  });

  it.each([
    ['null', null],
    ['a list', [{ status: { phase: 'Running' } }]],
    ['a text', 'Running'],
    ['an empty object', {}],
    ['another kind', { kind: 'Cluster', metadata: { uid: 'c-1' }, status: { phase: 'Available' } }],
    ['a Kubernetes Status', { kind: 'Status', status: 'Failure', code: 404 }],
    ['an error of CCE', { errorCode: 'CCE.01401001', errorMessage: 'Authorization failed.' }],
    ['an error of the gateway', { error_code: 'APIGW.0308', error_msg: 'throttled' }],
    ['an error that calls itself a job', { kind: 'Job', error: { code: 'x' } }],
    ['an empty phase and nothing else', { status: { phase: '' } }],
  ])('does not take %s for a job', (_name, body) => {
    expect(readJob(body).kind).toBe('notAJob');
  });

  it('survives nesting without end, in depth, in breadth and in circles', () => {
    const circle: Record<string, unknown> = { status: { phase: 'Running' } };
    circle['spec'] = { subJobs: [circle, circle, circle] };
    let deep: unknown = {};
    for (let level = 0; level < 100_000; level += 1) deep = { spec: { subJobs: deep } };
    const wide = Array.from({ length: 100_000 }, () => ({ spec: { type: 'A' } }));

    expect(nodesOf(jobOf(circle)).length).toBeLessThanOrEqual(2001);
    expect(nodesOf(jobOf({ status: { phase: 'Running' }, spec: { subJobs: deep } }))).toHaveLength(17);
    expect(jobOf({ status: { phase: 'Running' }, spec: { subJobs: wide } }).subJobs).toHaveLength(2000);
  });

  it('never throws, and gives only clean, bounded texts', () => {
    const word = fc.oneof(fc.string({ unit: 'binary', maxLength: 2000 }), fc.anything());
    const body = fc.letrec((tie) => ({
      job: fc.record(
        {
          kind: fc.oneof(fc.constant('Job'), word),
          metadata: fc.oneof(fc.record({ uid: word, creationTimestamp: word }), fc.anything()),
          spec: fc.oneof(
            fc.record({
              type: word,
              extendParam: fc.oneof(fc.dictionary(fc.string(), word), fc.anything()),
              subJobs: fc.oneof(
                { maxDepth: 4 },
                fc.constant(null),
                tie('job'),
                fc.array(tie('job'), { maxLength: 3 }),
              ),
            }),
            fc.anything(),
          ),
          status: fc.oneof(fc.record({ phase: word, reason: word }), fc.anything()),
        },
        { requiredKeys: [] },
      ),
    })).job;

    fc.assert(
      fc.property(fc.oneof(body, fc.anything()), (value) => {
        const read = readJob(value);
        if (read.kind === 'notAJob') return;
        for (const { subJobs: _, extendParam, ...words } of nodesOf(read.job)) {
          for (const text of [...Object.values(words), ...Object.values(extendParam)]) {
            expect(text.length).toBeLessThanOrEqual(MAX_TEXT_LENGTH);
            expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
          }
        }
      }),
    );
  });
});
