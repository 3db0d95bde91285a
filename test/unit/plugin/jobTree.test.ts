import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import stringWidth from 'string-width';
import type { CloudJobStatus } from '../../../src/api/cloudjob.js';
import { readShown } from '../../../src/plugin/shown.js';
import { treeLines } from '../../../src/plugin/view/jobTree.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { cloudJob, JOB_ID, progress } from '../../support/cloudJobs.js';
import { at, ended, NOW, seen, sub } from './support.js';

const plain = makePaint(false);
const SOLD_OUT = 'Failed to create the node VM: flavor pi2.4xlarge.4 is sold out in eu-de-02';

const FAILED: CloudJobStatus = {
  phase: 'Failed',
  type: 'ScaleupCluster',
  resourceName: 'prod-gpu',
  message: `ScaleupCluster of prod-gpu has failed: CreateNodeVM of c3: ${SOLD_OUT}`,
  startTime: at(0),
  completionTime: at(290),
  progress: progress(3, { succeeded: 1, initializing: 1, failed: 1 }),
  conditions: ended('False'),
  subJobs: [
    sub('a', JOB_ID, 'Failed', {
      type: 'CreateNode',
      resourceName: 'c3',
      reason: 'Failed to create node(s)',
    }),
    sub('b', 'a', 'Failed', { type: 'CreateNodeVM', resourceName: 'c3', reason: SOLD_OUT, seconds: 45 }),
    sub('c', 'a', 'Initializing', { type: 'InstallNode' }),
    sub('d', JOB_ID, undefined, { type: 'GetPSMCert' }),
  ],
};

describe('the tree of a job', () => {
  it('shows bars, phases, durations, and the reasons of what has not succeeded', () => {
    expect(treeLines(seen(FAILED), { now: NOW, paint: plain })).toEqual([
      'infra/scale-up  ScaleupCluster of prod-gpu  Failed        ████░░░░░░░░ 1/3  4m50s',
      `│ ScaleupCluster of prod-gpu has failed: CreateNodeVM of c3: ${SOLD_OUT}`,
      '├─ ✖ CreateNode of c3                       Failed        ░░░░░░░░░░░░ 0/2  60s',
      '│  │ Failed to create node(s)',
      '│  ├─ ✖ CreateNodeVM of c3                  Failed                          45s',
      `│  │    ${SOLD_OUT}`,
      '│  └─ ○ InstallNode                         Initializing',
      '└─ · GetPSMCert                             -                               4m50s',
    ]);
  });

  it('does without bars, then without phases, and wraps texts where the terminal is narrow', () => {
    expect(treeLines(seen(FAILED), { now: NOW, columns: 42, paint: plain })).toEqual([
      'infra/scale-up  ScaleupCluste…  1/3  4m50s',
      '│ ScaleupCluster of prod-gpu has failed:',
      '│ CreateNodeVM of c3: Failed to create the',
      '│ node VM: flavor pi2.4xlarge.4 is sold',
      '│ out in eu-de-02',
      '├─ ✖ CreateNode of c3           0/2  60s',
      '│  │ Failed to create node(s)',
      '│  ├─ ✖ CreateNodeVM of c3           45s',
      '│  │    Failed to create the node VM:',
      '│  │    flavor pi2.4xlarge.4 is sold out',
      '│  │    in eu-de-02',
      '│  └─ ○ InstallNode',
      '└─ · GetPSMCert                      4m50s',
    ]);
  });

  it('shows failed things in red and good ones in green', () => {
    const lines = treeLines(
      seen({
        ...FAILED,
        subJobs: [sub('a', JOB_ID, 'Failed', { type: 'A', reason: 'no luck' }), sub('b', JOB_ID, 'Success')],
      }),
      { now: NOW, paint: makePaint(true) },
    );

    expect(lines[2]).toContain('\u001B[31m├─ ✖ A\u001B[39m');
    expect(lines[3]).toBe('│    \u001B[31mno luck\u001B[39m');
    expect(lines[4]).toContain('\u001B[32m└─ ✔ b\u001B[39m');
  });

  it('shows an unfinished job as it grows, and one that nobody has observed', () => {
    const running = seen({
      phase: 'Running',
      type: 'CreateNode',
      message: 'It is running.',
      startTime: at(0),
    });

    expect(treeLines(running, { now: NOW, paint: plain })).toEqual([
      'infra/scale-up  CreateNode  Running     5m',
      '  It is running.',
    ]);
    expect(treeLines(cloudJob(), { now: NOW, paint: plain })).toEqual([
      'infra/scale-up  -',
      '  The operator has not observed it yet.',
    ]);
  });

  it('has 64 sub-jobs and says how many are left out', () => {
    const subJobs = Array.from({ length: 64 }, (_, index) => sub(`s${index}`, JOB_ID, 'Running'));

    const lines = treeLines(seen({ ...FAILED, subJobs, subJobsOmitted: 36 }), { now: NOW, paint: plain });

    expect(lines).toHaveLength(2 + 64 + 1);
    expect(lines.at(-1)).toBe('… and 36 more sub-jobs');
  });

  it('never writes what a terminal obeys, whoever wrote the status', () => {
    const hostile = '\u001B[2J\u001B]0;owned\u0007\r\n\u202Eevil\u009B31m\u0000';
    const object = {
      ...cloudJob(),
      status: {
        ...FAILED,
        jobID: JOB_ID,
        phase: hostile,
        type: hostile,
        message: hostile,
        subJobs: [sub(hostile, hostile, hostile, { type: hostile, resourceName: hostile, reason: hostile })],
      },
    };

    const text = treeLines(readShown(object), { now: NOW, columns: 60, paint: plain }).join('\n');

    expect(text).toContain('evil');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('fits every terminal of 30 columns or more, whatever the texts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 });
    const subJob = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      parentID: fc.constantFrom('a', 'b', 'c', JOB_ID),
      type: text,
      phase: fc.constantFrom('Running', 'Failed', 'Success', 'SomethingThatNobodyHasDocumented'),
      reason: text,
    });
    const statuses = fc.record({ message: text, type: text, subJobs: fc.array(subJob, { maxLength: 6 }) });

    fc.assert(
      fc.property(statuses, fc.integer({ min: 30, max: 200 }), (status, columns) => {
        const object = readShown({ ...seen({}), status: { ...FAILED, ...status } });

        for (const line of treeLines(object, { now: NOW, columns, paint: plain })) {
          expect(stringWidth(line)).toBeLessThanOrEqual(columns);
        }
      }),
    );
  });
});
