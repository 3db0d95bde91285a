import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * A door in front of a server that can be shut and opened again, on the same port: how a client sees a restart. The
 * server behind it may move.
 */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(
    /** Where new connections lead. */
    public target: Target,
    private listensOn: number,
  ) {}

  /** @param port where it listens; any free one if left out */
  static async start(target: Target, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, port);
    await proxy.open();
    return proxy;
  }

  get port(): number {
    return this.listensOn;
  }

  async open(): Promise<void> {
    const server = createServer((client) => {
      const upstream = connect(this.target.port, this.target.host);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.listensOn, '127.0.0.1', resolve);
    });
    this.listensOn = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Resets every connection and refuses new ones. */
  async shut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}
