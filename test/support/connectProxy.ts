import http from 'node:http';
import https from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';

/** A CA of the tests' own, and the certificate that it gave `cce.test`, `iam.test`, `api.test`, `proxy.test` and 127.0.0.1. */
export const TEST_CA_FILE = new URL('../fixtures/tls/ca.crt', import.meta.url).pathname;
export const TEST_CA = readFileSync(TEST_CA_FILE);
export const TEST_CERTIFICATE = {
  cert: readFileSync(new URL('../fixtures/tls/server.crt', import.meta.url)),
  key: readFileSync(new URL('../fixtures/tls/server.key', import.meta.url)),
};

/** What becomes of a CONNECT: a tunnel, an answer of the proxy's own, none at all, or a tunnel that is closed at once. */
export type TunnelTreatment =
  'open' | 'hang' | 'close' | 'reset' | { readonly status: number; readonly body?: string };

/** A real HTTP proxy on a free port, which counts, and leads every tunnel to one server, whatever host it is for. */
export class ConnectProxy {
  /** The hosts and ports that were asked for, in order. */
  readonly targets: string[] = [];
  /** The `Proxy-Authorization` of each, if any. */
  readonly credentials: (string | undefined)[] = [];
  /** Requests that were no CONNECT. */
  readonly others: string[] = [];
  treat: TunnelTreatment = 'open';
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly leadsTo: number,
    private readonly secure: boolean,
  ) {
    const other: http.RequestListener = ({ url = '' }, response) => {
      this.others.push(url);
      response.writeHead(501).end();
    };
    this.#server = secure ? https.createServer(TEST_CERTIFICATE, other) : http.createServer(other);
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request: http.IncomingMessage, client: Socket) =>
      this.#take(request, client),
    );
  }

  /** @param port of this machine, where all tunnels lead */
  static async start(port: number, { secure = false } = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(port, secure);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.secure ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Connections of clients that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Ends every tunnel. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take({ url = '', headers }: http.IncomingMessage, client: Socket): void {
    this.targets.push(url);
    this.credentials.push(headers['proxy-authorization']);
    client.on('error', () => undefined);
    const { treat } = this;
    if (treat === 'hang') {
      // Only so is it noticed that the client has left.
      client.resume().once('end', () => client.destroy());
      return;
    }
    if (treat === 'reset') {
      client.destroy();
      return;
    }
    if (treat === 'close') {
      client.end('HTTP/1.1 200 Connection established\r\n\r\n');
      return;
    }
    if (typeof treat === 'object') {
      const { status, body = '' } = treat;
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    const upstream = connect(this.leadsTo, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream);
      upstream.pipe(client);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
