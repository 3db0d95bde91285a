import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from './clock.js';
import { hostAndPort, type ProxyServer } from './proxy.js';
import { nothing, onAbort, withDeadline } from './signals.js';

/**
 * Of every connection that is made. Node tries the addresses of a host one after the other, and gives each up for good after
 * 250 ms: a host on another continent (a round trip of 320 ms) with an A and an AAAA record could then never be reached.
 */
export const CONNECTING = { autoSelectFamilyAttemptTimeout: 2_500 } as const;

/** The other side closed the connection, as Node says it when reading and when writing. */
export function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** A tunnel that a proxy did not give or did not keep. The message names the proxy, without its user and password. */
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
 * https-proxy-agent does the same, with three faults that matter here: it passes a proxy's refusal on as if the server had
 * answered; a tunnel that a silent proxy never gives counts as a connection for ever, so that after `maxSockets` of them
 * nothing goes out any more; and it takes an answer of any length.
 */

/**
 * Keeps TLS connections that lead through tunnels of a proxy (CONNECT). A connection counts towards `maxSockets` once it is open:
 * at first there may be as many as there are requests; those that are too many are closed when they fall idle.
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

  /** Ends those that are being opened. */
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
      // Node reads no socket beside an error.
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
      // Its body is not read: what a proxy says must not pass for what the server says.
      socket.destroy();
      reject(new TunnelError(refusal(proxy, target, statusCode)));
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      unlisten();
      if (error instanceof TunnelError) reject(error);
      else
        reject(
          new TunnelError(
            `the proxy ${proxy.toString()} cannot be reached, or is no HTTP proxy (${error.code ?? 'no code'}); check its address, and what is between here and there`,
          ),
        );
    });
    request.end();
  });
}

function refusal(proxy: ProxyServer, target: string, status: number): string {
  const says = `the proxy ${proxy.toString()} answers ${status} to CONNECT ${target}`;
  if (status === 407) {
    return `${says}: it wants credentials, or other ones; put USER:PASSWORD@ before its host`;
  }
  if (status >= 500) return `${says}: it cannot reach that host`;
  return `${says}: it does not let that through; have the host allowed there, or name it in NO_PROXY`;
}

/** @throws TunnelError when the tunnel is closed; else what TLS finds wrong with the server */
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
