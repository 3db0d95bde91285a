import { describe, expect, it } from '@jest/globals';
import { FAULTS } from '../../../src/sandbox/cce/faults.js';
import { SANDBOX_HELP, readSandboxOptions } from '../../../src/sandbox/options.js';

describe('the flags of the sandbox', () => {
  it('have defaults', () => {
    expect(readSandboxOptions([])).toEqual({
      help: false,
      demo: false,
      keep: false,
      kubeconfig: undefined,
      kubePort: undefined,
      ccePort: undefined,
      seed: 1,
      speed: 1,
    });
  });

  it('are read', () => {
    const argv = [
      '--demo',
      '--keep',
      '--kubeconfig',
      'k',
      '--kube-port=1',
      '--cce-port',
      '65535',
      '--speed',
      '0.5',
    ];

    expect(readSandboxOptions(argv)).toMatchObject({
      demo: true,
      keep: true,
      kubeconfig: 'k',
      kubePort: 1,
      ccePort: 65_535,
      speed: 0.5,
    });
  });

  it.each([
    [['--kube-port', '0'], '--kube-port: "0" is not allowed; allowed: whole numbers from 1 to 65535'],
    [['--cce-port', 'http'], '--cce-port: "http" is not allowed; allowed: whole numbers from 1 to 65535'],
    [['--seed', '1.5'], '--seed: "1.5" is not allowed; allowed: whole numbers from 0 to 4294967295'],
    [['--speed', '1e9'], '--speed: "1e9" is not allowed; allowed: numbers from 0.1 to 1000'],
    [['--what'], /^Unknown option '--what'.*--help$/],
    [['stray'], /^Unexpected argument 'stray'.*--help$/],
  ])('refuse %j in one line', (argv, message) => {
    expect(() => readSandboxOptions(argv)).toThrow(message);
  });

  it('are all in the help, and so is every fault', () => {
    for (const flag of ['demo', 'keep', 'kubeconfig', 'kube-port', 'cce-port', 'seed', 'speed', 'help']) {
      expect(SANDBOX_HELP).toContain(`--${flag}`);
    }
    for (const kind of Object.keys(FAULTS)) expect(SANDBOX_HELP).toContain(`  ${kind} `);
  });
});
