import { describe, expect, it } from '@jest/globals';
import { checkEndpoint, Regions } from '../../../src/cloud/regions.js';

describe('Regions', () => {
  it.each([
    ['eu-de', 'https://cce.eu-de.otc.t-systems.com', 'https://iam.eu-de.otc.t-systems.com'],
    ['cn-north-4', 'https://cce.cn-north-4.myhuaweicloud.com', 'https://iam.cn-north-4.myhuaweicloud.com'],
    ['eu-west-101', 'https://cce.eu-west-101.myhuaweicloud.eu', 'https://iam.eu-west-101.myhuaweicloud.eu'],
  ])('knows %s', (name, cce, iam) => {
    expect(new Regions().find(name)).toEqual({ name, cce, iam });
  });

  it('lets the configuration add and replace regions, and cleans their addresses', () => {
    const regions = new Regions({
      lab: { cce: 'http://127.0.0.1:8888/', iam: 'http://127.0.0.1:8888/v3/' },
      'eu-de': { cce: 'https://cce.example', iam: 'https://iam.example' },
    });

    expect(regions.find('lab')).toEqual({
      name: 'lab',
      cce: 'http://127.0.0.1:8888',
      iam: 'http://127.0.0.1:8888',
    });
    expect(regions.find('eu-de')?.cce).toBe('https://cce.example');
    expect(regions.names()).toContain('lab');
  });

  it.each(['__proto__', 'constructor', 'toString', '', 'nowhere'])('does not know %j', (name) => {
    expect(new Regions().find(name)).toBeUndefined();
  });

  it('has only addresses in its catalogue that its own rules allow', () => {
    const regions = new Regions();

    for (const name of regions.names()) {
      const region = regions.find(name);
      expect([region?.cce, region?.iam].map((address) => checkEndpoint(address ?? ''))).toEqual([
        undefined,
        undefined,
      ]);
    }
  });
});

describe('checkEndpoint', () => {
  it.each([
    'https://cce.eu-de.otc.t-systems.com',
    'https://gateway.example:8443/cce',
    'http://127.0.0.1:8888',
    'http://127.8.9.10',
    'http://[::1]:8080',
    'http://localhost:1',
  ])('allows %s', (address) => {
    expect(checkEndpoint(address)).toBeUndefined();
  });

  it.each([
    ['', /must be a URL/],
    ['cce.example', /must be a URL/],
    ['ftp://cce.example', /must begin with https/],
    ['http://cce.example', /loopback/],
    ['http://127.0.0.1.evil.example', /loopback/],
    ['http://localhost.evil.example', /loopback/],
    ['http://169.254.169.254', /loopback/],
    ['https://user@cce.example', /user name or password/],
    ['https://user:pass@cce.example', /user name or password/],
    ['https://cce.example?x=1', /query/],
    ['https://cce.example?', /query/],
    ['https://cce.example#x', /fragment/],
    ['https://cce.example/%2e%2e', /percent/],
    ['https://iam.example/v3/auth/tokens', /must end before \/v3\/auth\/tokens/],
  ])('refuses %j', (address, problem) => {
    expect(checkEndpoint(address)).toMatch(problem);
  });
});
