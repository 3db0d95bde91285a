import { expect, it } from '@jest/globals';
import { proxiedRegions } from '../../../src/cloud/proxiedRegions.js';
import { Regions } from '../../../src/cloud/regions.js';
import { readProxies } from '../../../src/proxy.js';

const regions = new Regions({
  lab: { cce: 'http://127.0.0.1:8888', iam: 'http://127.0.0.1:8888' },
  own: { cce: 'https://cce.direct.example', iam: 'https://iam.other.example' },
});
const HTTPS_PROXY = 'http://user:canary@proxy.example:3128';

it.each<[string, string | undefined, object | undefined]>([
  ['all but those on this machine', undefined, { has: ['eu-de', 'own'], hasNot: ['lab'] }],
  ['those of which a part is', '.t-systems.com,direct.example', { has: ['own'], hasNot: ['eu-de', 'lab'] }],
  ['none', '*', undefined],
])('the regions behind a proxy are %s', (_, NO_PROXY, expected) => {
  const found = proxiedRegions(regions, readProxies({ HTTPS_PROXY, NO_PROXY }));

  const { has = [], hasNot = [] } = (expected ?? {}) as { has?: string[]; hasNot?: string[] };
  expect(found?.proxy).toBe(expected && 'http://proxy.example:3128');
  expect(has.filter((name) => found?.regions.includes(name) !== true)).toEqual([]);
  expect(hasNot.filter((name) => found?.regions.includes(name))).toEqual([]);
});
