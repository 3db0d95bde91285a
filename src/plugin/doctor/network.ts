import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';
import type { Clock } from '../../clock.js';
import type { Http } from '../../cloud/http.js';
import { CONNECTING, connectThrough, TunnelError } from '../../connecting.js';
import { isRecord } from '../../json.js';
import { hostAndPort, hostOf, type ProxyFor } from '../../proxy.js';
import { onAbort, untilAborted, withDeadline } from '../../signals.js';
import { cannotTell, ok, wrong, type Finding } from './step.js';

/** The network, as the doctor uses it; only for hosts of the region catalogue and the proxy. */
export interface Network {
  readonly proxyFor: ProxyFor;
  /** The addresses of a host. @throws with a `code` when there are none */
  resolve(host: string): Promise<readonly string[]>;
  /** A TLS handshake, through the proxy if there is one. @throws TunnelError; else with a `code` when it fails */
  handshake(url: URL, signal: AbortSignal): Promise<{ readonly validTo: string }>;
}

/** For one lookup or handshake, in milliseconds. */
const PATIENCE_MS = 10_000;
/** The cloud accepts signatures up to this age. */
const MAX_SKEW_MS = 900_000;
const SECOND_MS = 1000;

export function systemNetwork(proxyFor: ProxyFor): Network {
  return {
    proxyFor,
    async resolve(host) {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    },
    async handshake(url, signal) {
      const proxy = proxyFor(url);
      const host = hostOf(url);
      const port = Number(url.port || 443);
      const tunnel = proxy && (await connectThrough(proxy, hostAndPort(host, port), signal));
      return new Promise((resolve, reject) => {
        // Node's own authorities, as the operator has them.
        const socket = connect({
          ...CONNECTING,
          host,
          port,
          minVersion: 'TLSv1.2',
          ...(isIP(host) === 0 && { servername: host }),
          ...(tunnel && { socket: tunnel }),
        });
        const unlisten = onAbort(signal, () => socket.destroy(new Error('given up')));
        socket.once('secureConnect', () => {
          const { valid_to: validTo }: PeerCertificate = socket.getPeerCertificate();
          socket.destroy();
          resolve({ validTo });
        });
        socket.once('error', reject);
        socket.once('close', unlisten);
      });
    },
  };
}

/** Which proxy is used for these endpoints, as seen from here; undefined: none. */
export function checkProxy(urls: readonly URL[], { proxyFor }: Network): Finding | undefined {
  const proxied = urls.filter((url) => proxyFor(url) !== undefined);
  const [first] = proxied;
  const proxy = first && proxyFor(first)?.toString();
  if (proxy === undefined) return undefined;
  const hosts = proxied.map(({ host }) => host).join(' and ');
  return ok(
    `${proxy} is used from here for ${hosts} (HTTPS_PROXY and NO_PROXY); the operator has variables of its own`,
  );
}

/** Whether the hosts of these endpoints, or of their proxy, have addresses, as seen from here. */
export async function checkDns(
  urls: readonly URL[],
  network: Network,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const hosts = [...new Set(urls.map((url) => network.proxyFor(url)?.hostname ?? hostOf(url)))];
  for (const host of hosts) {
    try {
      await inTime(() => network.resolve(host), clock, signal);
    } catch (error) {
      const isProxy = urls.every((url) => hostOf(url) !== host);
      return wrong(
        `${isProxy ? 'the proxy ' : ''}${host} has no address here (${codeOf(error)})`,
        isProxy
          ? 'check its name in HTTPS_PROXY, and DNS'
          : "check DNS, here and where the operator runs; if the host is wrong, correct the region's entry in the operator's config",
      );
    }
  }
  return ok(`${hosts.join(' and ')} found, from here`);
}

/** Whether connections to these endpoints work, with trusted certificates, as seen from here. */
export async function checkTls(
  urls: readonly URL[],
  network: Network,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const secure = urls.filter(({ protocol }) => protocol === 'https:');
  if (secure.length === 0) return ok('none: plain HTTP on this machine');
  const until: string[] = [];
  for (const url of secure) {
    const { host } = url;
    try {
      const { validTo } = await inTime((given) => network.handshake(url, given), clock, signal);
      until.push(`${host} until ${validTo}`);
    } catch (error) {
      if (error instanceof TunnelError) {
        return wrong(
          `no TLS connection to ${host} from here: ${error.message}`,
          "correct HTTPS_PROXY or NO_PROXY, here and in the operator's Deployment, or have the proxy let it through",
        );
      }
      const code = codeOf(error);
      return wrong(`no TLS connection to ${host} from here (${code})`, tlsRemedy(code));
    }
  }
  return ok(`certificates are good, from here: ${until.join(', ')}`);
}

function tlsRemedy(code: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return 'whoever runs the endpoint has to renew its certificate; or the clock of this machine is wrong';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return "the endpoint's certificate is for another host: correct the region's entry in the operator's config";
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'the endpoint, or a proxy before it, has a certificate of a private authority: name that in NODE_EXTRA_CA_CERTS, for the operator, too';
    default:
      return 'check firewalls, proxies and network policies between here and the endpoint';
  }
}

/** Compares this machine's clock with the cloud's: it refuses signatures that are off by a quarter of an hour. */
export async function checkClock(url: URL, http: Http, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const answer = await http.send({ method: 'GET', url, headers: { Accept: 'application/json' }, signal });
  if (answer.kind === 'failed') return cannotTell(`${url.host} did not answer: ${answer.error.message}`);
  const cloudTime = Date.parse(answer.headers['date'] ?? '');
  if (Number.isNaN(cloudTime)) return cannotTell(`${url.host} does not send its time`);
  const skewMs = clock.now() - cloudTime;
  const text = `${Math.abs(Math.round(skewMs / SECOND_MS))} s ${skewMs < 0 ? 'behind' : 'ahead of'} the cloud's`;
  // The cloud's time has whole seconds.
  if (Math.abs(skewMs) < 2 * SECOND_MS) return ok("this machine's clock agrees with the cloud's");
  if (Math.abs(skewMs) < MAX_SKEW_MS) return ok(`this machine's clock is ${text}`);
  return wrong(
    `this machine's clock is ${text}, and the cloud refuses signatures that are off by 15 minutes`,
    "synchronise it (NTP), and make sure of the clocks of the operator's nodes",
  );
}

async function inTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  clock: Clock,
  parent: AbortSignal,
): Promise<T> {
  return withDeadline(
    clock,
    PATIENCE_MS,
    parent,
    async (signal) => {
      const outcome = await untilAborted(work(signal), signal);
      if (outcome !== 'aborted') return outcome;
      throw signal.reason instanceof Error ? signal.reason : new Error('given up');
    },
    timedOut,
  );
}

function timedOut(): Error {
  return Object.assign(new Error('late'), { code: 'ETIMEDOUT' });
}

function codeOf(error: unknown): string {
  return isRecord(error) && typeof error['code'] === 'string' ? error['code'] : 'no answer';
}
