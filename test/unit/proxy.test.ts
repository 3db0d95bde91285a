import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parseProxy, ProxyError, readProxies, type Environment } from '../../src/proxy.js';

const PASSWORD = 'canary-password';

function proxyOf(env: Environment, url: string): string | undefined {
  return readProxies(env)(new URL(url))?.toString();
}

function problemOf(text: string): string {
  try {
    parseProxy(text, 'HTTPS_PROXY');
  } catch (error) {
    if (error instanceof ProxyError) return error.message;
  }
  throw new Error('no ProxyError');
}

describe('the proxy of a URL', () => {
  it.each<[string, Environment, string, string | undefined]>([
    ['is none where no variable is set', {}, 'https://a.example/', undefined],
    ['is that of its scheme', { HTTPS_PROXY: 'http://p:1' }, 'https://a.example/', 'http://p:1'],
    ['is not that of the other scheme', { HTTP_PROXY: 'http://p:1' }, 'https://a.example/', undefined],
    ['is that of HTTP', { HTTP_PROXY: 'http://p:1' }, 'http://a.example/', 'http://p:1'],
    ['may be named in lower case', { https_proxy: 'http://p:1' }, 'https://a.example/', 'http://p:1'],
    [
      'is the one in upper case of two',
      { HTTPS_PROXY: 'http://up:1', https_proxy: 'http://low:1' },
      'https://a.example/',
      'http://up:1',
    ],
    [
      'is the one in lower case when the other is empty',
      { HTTPS_PROXY: ' ', https_proxy: 'http://low:1' },
      'https://a.example/',
      'http://low:1',
    ],
    ['is http without a scheme', { HTTPS_PROXY: 'p:3128' }, 'https://a.example/', 'http://p:3128'],
    ['has port 80 by itself', { HTTPS_PROXY: 'p' }, 'https://a.example/', 'http://p:80'],
    ['has port 443 with https', { HTTPS_PROXY: 'https://p/' }, 'https://a.example/', 'https://p:443'],
    ['may be an IPv6 address', { HTTPS_PROXY: 'http://[::5]:1' }, 'https://a.example/', 'http://[::5]:1'],
  ])('%s', (_, env, url, expected) => {
    expect(proxyOf(env, url)).toBe(expected);
  });

  it.each([
    'https://localhost/',
    'https://LOCALHOST:6443/',
    'https://127.0.0.1/',
    'https://127.1.2.3:5/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/openstack/latest/securitykey',
    'http://169.254.170.23/v1/credentials',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fd00:ec2::23]/',
  ])('is never used for %s', (url) => {
    const env = { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1' };
    expect(proxyOf(env, url)).toBeUndefined();
  });

  it.each<[string, string, boolean]>([
    // [NO_PROXY, host and port, whether it goes directly]
    ['*', 'a.example', true],
    ['b.example,*', 'a.example', true],
    ['foo.com', 'foo.com', true],
    ['foo.com', 'a.b.foo.com', true],
    ['foo.com', 'barfoo.com', false],
    ['foo.com', 'foo.com.evil.example', false],
    ['.foo.com', 'a.foo.com', true],
    ['.foo.com', 'foo.com', false],
    ['*.foo.com', 'a.foo.com', true],
    ['*.foo.com', 'foo.com', false],
    ['FOO.com', 'foo.COM', true],
    ['.svc', 'kubernetes.default.svc', true],
    ['.cluster.local', 'kubernetes.default.svc.cluster.local', true],
    ['foo.com:443', 'foo.com', true],
    ['foo.com:443', 'foo.com:6443', false],
    ['foo.com:6443', 'a.foo.com:6443', true],
    ['münchen.example', 'xn--mnchen-3ya.example', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['10.0.0.1:443', '10.0.0.1', true],
    ['10.0.0.1:443', '10.0.0.1:6443', false],
    ['10.0.0.1', '[::ffff:10.0.0.1]', true],
    ['10.0.0.0/8', '10.255.0.1:6443', true],
    ['10.1.2.3/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '10.example', false],
    ['0.0.0.0/0', '11.0.0.1', true],
    ['2001:db8::/32', '[2001:db8::5]', true],
    ['2001:db8::/32', '[2001:db9::5]', false],
    ['2001:db8::5', '[2001:db8::5]:6443', true],
    ['[2001:db8::5]', '[2001:db8::5]', true],
    ['[2001:db8::5]:443', '[2001:db8::5]', true],
    ['[2001:db8::5]:443', '[2001:db8::5]:6443', false],
    [' a.example , b.example ', 'b.example', true],
    ['a.example b.example', 'b.example', true],
    // Nobody can make sense of these; they stand for nothing.
    ['', 'a.example', false],
    [',,.,:,:443,[],10.0.0.0/33,/8,1:2:3', 'a.example', false],
    ['10.0.0.0/33', '10.0.0.1', false],
  ])('with NO_PROXY=%j and %s: directly is %s', (NO_PROXY, host, isDirect) => {
    const env = { HTTPS_PROXY: 'http://p:1', NO_PROXY };
    expect(proxyOf(env, `https://${host}/`)).toBe(isDirect ? undefined : 'http://p:1');
    expect(proxyOf({ HTTPS_PROXY: 'http://p:1', no_proxy: NO_PROXY }, `https://${host}/`)).toBe(
      isDirect ? undefined : 'http://p:1',
    );
  });
});

describe('user and password of a proxy', () => {
  it.each([
    [`user:${PASSWORD}@p:1`, `user:${PASSWORD}`],
    ['http://user@p:1', 'user:'],
    ['http://us%40er:a%2Fb%3A%25c%C3%A9@p:1', 'us@er:a/b:%cé'],
  ])('of %s are sent to it', (text, pair) => {
    expect(parseProxy(text, 'HTTPS_PROXY').credentials).toEqual({
      'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}`,
    });
  });

  it('are none where there are none', () => {
    expect(parseProxy('http://p:1', 'HTTPS_PROXY').credentials).toEqual({});
  });

  it('are shown by nothing that prints the proxy', () => {
    const proxy = parseProxy(`http://user:${PASSWORD}@p:1`, 'HTTPS_PROXY');
    const shown = [
      inspect({ proxy }, { showHidden: true, depth: 9 }),
      JSON.stringify({ proxy }),
      proxy.toString(),
    ];

    expect(shown.join(' ')).toContain('http://p:1');
    expect(shown.join(' ')).not.toMatch(/user|canary|Basic/);
  });
});

describe('a proxy that cannot be used', () => {
  it.each<[string, RegExp]>([
    [`socks5://user:${PASSWORD}@p:1080`, /^HTTPS_PROXY: socks5:\/\/ proxies are not supported; allowed: /],
    [`ftp://${PASSWORD}@p`, /^HTTPS_PROXY: ftp:\/\/ proxies are not supported/],
    ['http://', /^HTTPS_PROXY: is not the address of a proxy/],
    [`http://user:${PASSWORD}@p:port`, /is not the address of a proxy/],
    [`http://user:${PASSWORD}#1@p:1`, /is not the address of a proxy/],
    ['http://user:1#canary@p:1', /percent-encoded/],
    ['http://user:1/canary@p:1', /percent-encoded/],
    ['http://p:1/canary', /has more than a host and a port/],
    ['http://user:canary%zz@p:1', /%25/],
  ])('such as %s is refused in one line without its password', (text, words) => {
    const problem = problemOf(text);

    expect(problem).toMatch(words);
    expect(problem).toMatch(/; allowed: http:\/\/HOST:PORT or https:\/\/HOST:PORT/);
    expect(problem).not.toMatch(/canary|\n/);
  });

  it('is refused at once, under the name of its variable', () => {
    expect(() => readProxies({ https_proxy: 'socks5://p:1' })).toThrow(
      /^https_proxy: socks5:\/\/ proxies are not/,
    );
    expect(() => readProxies({ HTTP_PROXY: 'http://' })).toThrow(/^HTTP_PROXY: /);
  });
});
