import { BlockList, isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for a URL; undefined: connect to the host directly. */
export type ProxyFor = (url: URL) => ProxyServer | undefined;

/** An unusable proxy address. The message is one line: its source, what is wrong, what is allowed; no password. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
}

/** An HTTP proxy. Its text is `http://host:port`, never its user and password. */
export class ProxyServer {
  /** Private to the language, so that neither JSON nor a log shows the password. */
  readonly #authorization: string | undefined;

  /**
   * @param secure whether the connection to the proxy itself is TLS
   * @param hostname an IPv6 address has no brackets
   */
  constructor(
    readonly secure: boolean,
    readonly hostname: string,
    readonly port: number,
    authorization?: string,
  ) {
    this.#authorization = authorization;
  }

  /** The header with the proxy's user; it is sent to the proxy only. */
  get credentials(): Readonly<Record<string, string>> {
    return this.#authorization === undefined ? {} : { 'Proxy-Authorization': this.#authorization };
  }

  toString(): string {
    return `${this.secure ? 'https' : 'http'}://${hostAndPort(this.hostname, this.port)}`;
  }
}

const ALLOWED =
  'allowed: http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before HOST if the proxy wants them';

/** Always connected to directly: this machine, link-local addresses, and the clouds' metadata services. */
const NEVER_PROXIED = new BlockList();
NEVER_PROXIED.addSubnet('127.0.0.0', 8, 'ipv4');
NEVER_PROXIED.addAddress('::1', 'ipv6');
NEVER_PROXIED.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER_PROXIED.addSubnet('fe80::', 10, 'ipv6');
NEVER_PROXIED.addSubnet('fd00:ec2::', 32, 'ipv6');

/**
 * Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or their lower-case twins, as client-go does (golang.org/x/net/http/httpproxy): the
 * upper-case one wins, and each of the first two is for URLs of its own scheme.
 *
 * @throws ProxyError
 */
export function readProxies(env: Environment): ProxyFor {
  const forHttps = readVariable(env, 'HTTPS_PROXY');
  const forHttp = readVariable(env, 'HTTP_PROXY');
  const exceptions = readNoProxy(valueOf(env, 'NO_PROXY')?.value ?? '');
  return (url) => {
    const proxy = url.protocol === 'https:' ? forHttps : forHttp;
    if (proxy === undefined) return undefined;
    const host = hostOf(url);
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    if (host === 'localhost' || isIn(NEVER_PROXIED, host)) return undefined;
    return exceptions.some((excepts) => excepts(host, port)) ? undefined : proxy;
  };
}

/**
 * @param source where the text comes from, for people: `HTTPS_PROXY`
 * @throws ProxyError
 */
export function parseProxy(text: string, source: string): ProxyServer {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new ProxyError(`${source}: ${scheme}:// proxies are not supported; ${ALLOWED}`);
  }
  const address = scheme === undefined ? `http://${text}` : text;
  if (!URL.canParse(address)) throw new ProxyError(`${source}: is not the address of a proxy; ${ALLOWED}`);
  const url = new URL(address);
  // Most often a password with a character that has to be percent-encoded: the rest would be taken for a host.
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new ProxyError(
      `${source}: has more than a host and a port, or characters in the password that must be percent-encoded; ${ALLOWED}`,
    );
  }
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  return new ProxyServer(secure, hostOf(url), port, authorizationOf(url, source));
}

/** The host of a URL, without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Host and port as in a URL and in CONNECT. */
export function hostAndPort(host: string, port: number | string): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function authorizationOf({ username, password }: URL, source: string): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  } catch {
    throw new ProxyError(
      `${source}: a percent sign in the user or password must be written as %25; ${ALLOWED}`,
    );
  }
}

function readVariable(env: Environment, name: string): ProxyServer | undefined {
  const found = valueOf(env, name);
  return found === undefined ? undefined : parseProxy(found.value, found.name);
}

function valueOf(env: Environment, upper: string): { name: string; value: string } | undefined {
  for (const name of [upper, upper.toLowerCase()]) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

type Exception = (host: string, port: string) => boolean;

/** Invalid entries are ignored, as in other programs: many programs share the variable. */
function readNoProxy(text: string): Exception[] {
  const entries = text.toLowerCase().split(/[\s,]+/);
  return entries.flatMap((entry) => readException(entry) ?? []);
}

function readException(entry: string): Exception | undefined {
  if (entry === '*') return () => true;
  const [, network = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (network !== '') return networkException(network, Number(bits));
  if (isIP(entry)) return addressException(entry, '');
  const [, bracketed, name, wantedPort = ''] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  const host = bracketed ?? name;
  if (host === undefined) return undefined;
  return isIP(host) ? addressException(host, wantedPort) : domainException(host, wantedPort);
}

function networkException(address: string, bits: number): Exception | undefined {
  const family = familyOf(address);
  if (family === undefined || bits > (family === 'ipv4' ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return (host) => isIn(list, host);
}

function addressException(address: string, wantedPort: string): Exception | undefined {
  const list = new BlockList();
  list.addAddress(address, familyOf(address));
  return (host, port) => isIn(list, host) && isPort(wantedPort, port);
}

/** `foo.com` matches the host and its subdomains, `.foo.com` and `*.foo.com` only the subdomains. */
function domainException(pattern: string, wantedPort: string): Exception {
  const below = pattern.startsWith('.') || pattern.startsWith('*.');
  const domain = domainToASCII(pattern.replace(/^\*?\./, ''));
  return (host, port) =>
    domain !== '' && isPort(wantedPort, port) && (host.endsWith(`.${domain}`) || (!below && host === domain));
}

function isPort(wanted: string, port: string): boolean {
  return wanted === '' || wanted === port;
}

function isIn(list: BlockList, host: string): boolean {
  const family = familyOf(host);
  return family !== undefined && list.check(host, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  switch (isIP(address)) {
    case 4:
      return 'ipv4';
    case 6:
      return 'ipv6';
    default:
      return undefined;
  }
}
