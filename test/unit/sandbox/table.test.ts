import { describe, expect, it } from '@jest/globals';
import { cellsOf, explain, headerLine, rowLine } from '../../../src/sandbox/table.js';
import { makePaint } from '../../../src/terminal/paint.js';
import { progress } from '../../support/cloudJobs.js';

const plain = makePaint(false);
const ready = {
  type: 'Ready',
  status: 'False' as const,
  reason: 'JobFailed',
  message: 'sold out',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

describe('the table', () => {
  it('has the columns of kubectl, aligned', () => {
    const cells = cellsOf('add-gpu-node', {
      type: 'ScaleupCluster',
      phase: 'Failed',
      progress: progress(3, { succeeded: 1, initializing: 1, failed: 1 }),
      conditions: [ready],
    });

    expect([headerLine(plain), rowLine(cells, 12_345, plain)]).toEqual([
      'NAME             TYPE             PHASE          PROGRESS   READY     REASON            AGE',
      'add-gpu-node     ScaleupCluster   Failed         1/3        False     JobFailed         12s',
    ]);
  });

  it('shows a fresh object with empty cells', () => {
    expect(rowLine(cellsOf('new', {}), 0, plain)).toMatch(/^new {80,}0s$/);
  });

  it.each([
    [-5, '0s'],
    [119_999, '119s'],
    [120_000, '2m'],
    [125_000, '2m5s'],
  ])('writes an age of %i ms as %s', (ms, text) => {
    expect(rowLine(cellsOf('a', {}), ms, plain)).toMatch(new RegExp(` ${text}$`));
  });

  it('is coloured on request alone', () => {
    const cells = cellsOf('a', { phase: 'Failed' });

    expect(rowLine(cells, 0, plain)).not.toContain('\u001B');
    expect(rowLine(cells, 0, makePaint(true))).toBe(`\u001B[31m${rowLine(cells, 0, plain)}\u001B[39m`);
  });
});

describe('the explanation of a failure', () => {
  it('has the message, every condition, and the failed sub-jobs with their reasons', () => {
    const status = {
      message: 'ScaleupCluster failed',
      conditions: [ready],
      subJobs: [
        { id: '1', type: 'CreateNodeVM', phase: 'Failed', reason: 'sold out', resourceName: 'gpu-1' },
        { id: '2', type: 'InstallNode', phase: 'Initializing' },
      ],
    };

    const text = explain('add-gpu-node', status, plain).join('\n');

    expect(text).toContain('message: ScaleupCluster failed');
    expect(text).toMatch(/Ready +False +JobFailed +sold out/);
    expect(text).toMatch(/CreateNodeVM +sold out \(gpu-1\)/);
    expect(text).not.toContain('InstallNode');
  });
});
