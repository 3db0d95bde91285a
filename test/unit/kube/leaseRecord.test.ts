import { describe, expect, it } from '@jest/globals';
import { leaseName, scopedLeaseName } from '../../../src/kube/leaseRecord.js';

describe('the name of the Lease of an installation', () => {
  const long = Array.from({ length: 9 }, (_, index) => `namespace-number-${index}`);

  it.each<[string, readonly string[], string]>([
    ['all namespaces: as it always was', [], 'operator'],
    ['one namespace', ['team-a'], 'operator.team-a'],
    ['several, in whatever order they are given', ['team-b', 'team-a'], 'operator.team-a.team-b'],
    ['more than a name holds', long, 'operator.aeb16fd04fe5'],
  ])('of %s', (_, namespaces, name) => {
    expect(scopedLeaseName('operator', namespaces)).toBe(name);
  });

  it('is another one for other namespaces, and 63 characters at most for each shard', () => {
    const scopes = [
      [],
      ['a'],
      ['b'],
      ['a', 'b'],
      ['a-b'],
      ['a', 'b-c'],
      ['a-b', 'c'],
      ['x'.repeat(63)],
      long,
      [...long, 'a'],
    ];
    const names = scopes.map((namespaces) => scopedLeaseName('cloudjob-operator', namespaces));

    expect(new Set(names).size).toBe(scopes.length);
    for (const name of names) expect(leaseName(name, 4, 5).length).toBeLessThanOrEqual(63);
  });
});
