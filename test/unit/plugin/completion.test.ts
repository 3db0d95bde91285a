import { describe, expect, it } from '@jest/globals';
import { completionOf } from '../../../src/plugin/completion.js';
import { COMMAND_NAMES } from '../../../src/plugin/flags.js';

function words(args: readonly string[]): string[] {
  const completion = completionOf(args);
  return completion.kind === 'words' ? completion.candidates.map(({ word }) => word) : [completion.kind];
}

describe('what may come next on a command line', () => {
  it.each([[['']], [['tr']], [['-n', 'infra', '']]])('%j: a command', (args) => {
    expect(words(args)).toEqual([...COMMAND_NAMES, 'help']);
  });

  it.each([[['tree', '']], [['watch', 'a', '']], [['logs', 'a']], [['doctor', '--no-color', '']]])(
    '%j: the name of a CloudJob',
    (args) => {
      expect(words(args)).toEqual(['cloudJobs']);
    },
  );

  it('knows the namespace and the names that stand there already', () => {
    expect(completionOf(['watch', '-n', 'infra', 'a', 'cjob/b', ''])).toMatchObject({
      kind: 'cloudJobs',
      flags: { namespace: 'infra' },
      taken: ['a', 'cjob/b'],
    });
  });

  it.each([
    [['logs', 'a', '']],
    [['list', '']],
    [['watch', '--all', '']],
    [['watch', '-l', 'a=b', '']],
    [['watch', '-l', '']],
    [['unknown', '']],
    [['help', 'tree', '']],
  ])('%j: nothing', (args) => {
    expect(words(args)).toEqual([]);
  });

  it('offers the flags of the command that are not given yet', () => {
    const flags = words(['watch', 'a', '-n', 'infra', '--ti']);

    expect(flags).toEqual(expect.arrayContaining(['--timeout', '--selector', '--kubeconfig']));
    expect(flags).not.toContain('--namespace');
    expect(flags).not.toContain('--apply');
  });

  it.each([
    [['list', '-n', ''], ['namespaces']],
    [['list', '--namespace', 'inf'], ['namespaces']],
    [['list', '--namespace=inf'], ['namespaces']],
    [['doctor', 'a', '--operator-namespace', ''], ['namespaces']],
    [['list', '--kubeconfig', ''], ['files']],
    [
      ['list', '-o', ''],
      ['json', 'yaml'],
    ],
    [
      ['create', '--cluster-type=S'],
      ['Standard', 'Autopilot'],
    ],
    [['help', ''], [...COMMAND_NAMES]],
  ])('%j: %j', (args, expected) => {
    expect(words(args)).toEqual(expected);
  });

  it('throws for what stands before and cannot be used', () => {
    expect(() => completionOf(['tree', '--colour', ''])).toThrow("Unknown option '--colour'");
  });
});
