import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TcpAddress } from './tcp-proxy.js';

/** One address in front of several servers: each new connection goes to the next of them. */
export class TcpBalancer {
  /** Always the loopback address. */
  readonly host = '127.0.0.1';
  /** Where the balancer listens. */
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  /** @internal Balancers are made by `startTcpBalancer`. */
  constructor(server: Server, targets: readonly TcpAddress[]) {
    this.#server = server.unref();
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => {
      const target = targets[this.#next++ % targets.length];
      if (target) this.#join(client, connect(target.port, target.host));
    });
  }

  /** `url` with this balancer's host and port in place of its own. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = this.host;
    changed.port = String(this.port);
    return changed.href;
  }

  /** Stops listening and resets all connections. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(client: Socket, server: Socket): void {
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket.unref());
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

/**
 * Starts a TCP balancer in front of several servers, as cloud providers put one in front of read replicas.
 *
 * @example
 * const balancer = await startTcpBalancer(cluster.replicas);
 * const pool = new pg.Pool({ connectionString: balancer.through(url) });
 */
export async function startTcpBalancer(targets: readonly TcpAddress[]): Promise<TcpBalancer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new TcpBalancer(server, targets);
}
