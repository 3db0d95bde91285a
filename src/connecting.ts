import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from './clock.js';
import { hostAndPort, type ProxyServer } from './proxy.js';
import { nothing, onAbort, withDeadline } from './signals.js';

/**
 * For every new connection. Node tries the addresses of a host one after the other, and by default gives each up after
 * 250 ms: a host on another continent (round trip 320 ms) with an A and an AAAA record could never be reached.
 */
export const CONNECTING = { autoSelectFamilyAttemptTimeout: 2_500 } as const;

/** The other side closed the connection: Node's codes for reads and for writes. */
export function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** A proxy did not open a tunnel, or closed it. The message names the proxy, without its user and password. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
}

export interface TunnelOptions {
  readonly proxy: ProxyServer;
  readonly clock: Clock;
  /** For connecting to the proxy, its answer and the TLS handshake behind it, in milliseconds. */
  readonly connectMs: number;
}

/*
 * https-proxy-agent does the same, with three faults that matter here: it passes on a proxy's refusal as if the server had
 * answered; if a silent proxy never opens a tunnel, it counts as a connection for ever, so that after `maxSockets` of them
 * no request goes out; and it accepts an answer of any length.
 */

/**
 * Keeps TLS connections through tunnels of a proxy (CONNECT). A connection counts towards `maxSockets` once it is open:
 * before that there may be as many as requests. Connections above the limit are closed when they become idle.
 */
export class TunnelAgent extends https.Agent {
  readonly #tunnels: Tunnels;

  constructor(options: https.AgentOptions, tunnels: TunnelOptions) {
    super({ ...options, ...CONNECTING });
    this.#tunnels = new Tunnels(tunnels);
  }

  override createConnection(options: https.RequestOptions, callback?: Created): undefined {
    const secure = (socket: Socket): TLSSocket =>
      super.createConnection({ ...options, socket } as https.RequestOptions) as TLSSocket;
    void this.#tunnels.create(options, callback, secure);
  }

  override destroy(): void {
    this.#tunnels.close();
    super.destroy();
  }
}

/** The same for plain HTTP. */
export class PlainTunnelAgent extends http.Agent {
  readonly #tunnels: Tunnels;

  constructor(options: http.AgentOptions, tunnels: TunnelOptions) {
    super({ ...options, ...CONNECTING });
    this.#tunnels = new Tunnels(tunnels);
  }

  override createConnection(options: http.ClientRequestArgs, callback?: Created): undefined {
    void this.#tunnels.create(options, callback);
  }

  override destroy(): void {
    this.#tunnels.close();
    super.destroy();
  }
}

type Created = (error: Error | null, socket: Duplex) => void;

class Tunnels {
  readonly #options: TunnelOptions;
  readonly #end = new AbortController();

  constructor(options: TunnelOptions) {
    this.#options = options;
  }

  /** Ends the tunnels that are being opened. */
  close(): void {
    this.#end.abort(new TunnelError(`the proxy ${this.#options.proxy.toString()} is not used any more`));
  }

  /** For an agent's `createConnection`. */
  async create(
    { host, port }: http.ClientRequestArgs,
    callback: Created = nothing,
    secure?: (socket: Socket) => TLSSocket,
  ): Promise<void> {
    const { proxy, clock, connectMs } = this.#options;
    const target = hostAndPort(host ?? 'localhost', port ?? 443);
    const late = (): Error =>
      new TunnelError(`the proxy ${proxy.toString()} gave no connection to ${target} within ${connectMs} ms`);
    let socket: Socket;
    try {
      socket = await withDeadline(
        clock,
        connectMs,
        this.#end.signal,
        async (signal) => {
          const tunnel = await connectThrough(proxy, target, signal);
          return secure === undefined ? tunnel : handshake(secure(tunnel), proxy, signal);
        },
        late,
      );
    } catch (error) {
      // With an error, Node ignores the socket.
      callback(error as Error, undefined as never);
      return;
    }
    callback(null, socket);
  }
}

/** @throws TunnelError */
export function connectThrough(proxy: ProxyServer, target: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = (proxy.secure ? https : http).request({
      ...CONNECTING,
      method: 'CONNECT',
      host: proxy.hostname,
      port: proxy.port,
      path: target,
      agent: false,
      headers: { Host: target, Connection: 'keep-alive', ...proxy.credentials },
    });
    const unlisten = onAbort(signal, () => request.destroy(signal.reason as Error));
    request.once('connect', ({ statusCode = 0 }, socket, head) => {
      unlisten();
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      // Its body is not read: a proxy's answer must not be taken for the server's.
      socket.destroy();
      reject(new TunnelError(refusal(proxy, target, statusCode)));
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      unlisten();
      if (error instanceof TunnelError) reject(error);
      else
        reject(
          new TunnelError(
            `the proxy ${proxy.toString()} cannot be reached, or is no HTTP proxy (${error.code ?? 'no code'}); check its address and the network to it`,
          ),
        );
    });
    request.end();
  });
}

function refusal(proxy: ProxyServer, target: string, status: number): string {
  const says = `the proxy ${proxy.toString()} answers ${status} to CONNECT ${target}`;
  if (status === 407) {
    return `${says}: it needs credentials, or other ones; put USER:PASSWORD@ before its host`;
  }
  if (status >= 500) return `${says}: it cannot reach that host`;
  return `${says}: it does not allow that host; allow the host in the proxy, or name it in NO_PROXY`;
}

/** @throws TunnelError when the tunnel is closed; else the TLS error of the server's side */
function handshake(socket: TLSSocket, proxy: ProxyServer, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const unlisten = onAbort(signal, () => socket.destroy(signal.reason as Error));
    const closed = (): void => {
      unlisten();
      reject(new TunnelError(`the proxy ${proxy.toString()} gave a tunnel and closed it at once`));
    };
    socket.on('error', (error: NodeJS.ErrnoException) => {
      unlisten();
      if (isReset(error)) closed();
      else reject(error);
    });
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      unlisten();
      socket.off('close', closed);
      resolve(socket);
    });
  });
}
