import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrontendMessages } from './frontend-messages.js';

/** What a server can do. */
export interface Capacity {
  /** Queries that it works on at the same time. */
  readonly slots: number;
  /** Time that each takes. */
  readonly serviceMs: number;
}

/**
 * Stands before a PostgreSQL server and gives it a known capacity: `slots / serviceMs` queries per ms, whatever the
 * machine. More of them wait in a line.
 */
export class CapacityProxy {
  private readonly line: (() => void)[] = [];
  private free: number;
  /** Queries that were let through. */
  served = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly target: { host: string; port: number },
    private readonly capacity: Capacity,
    private readonly server: Server,
  ) {
    this.free = capacity.slots;
    server.on('connection', (client) => this.accept(client));
  }

  static async start(target: { host: string; port: number }, capacity: Capacity): Promise<CapacityProxy> {
    const server = createServer();
    const proxy = new CapacityProxy(target, capacity, server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** `url` with this proxy's port. */
  through(url: string): string {
    const changed = new URL(url);
    changed.port = String((this.server.address() as AddressInfo).port);
    return changed.href;
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(client: Socket): void {
    const upstream = connect(this.target).setNoDelay();
    const messages = new FrontendMessages();
    let sending = Promise.resolve();
    client.setNoDelay().on('data', (bytes) => {
      for (const { message, isQuery } of messages.read(bytes)) {
        sending = sending
          .then(() => (isQuery ? this.serve() : undefined))
          .then(() => void upstream.write(message));
      }
    });
    upstream.pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      socket
        .on('error', () => other.destroy())
        .on('close', () => {
          this.sockets.delete(socket);
          other.destroy();
        });
    }
  }

  private async serve(): Promise<void> {
    this.served += 1;
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.line.push(resolve));
    await new Promise((resolve) => setTimeout(resolve, this.capacity.serviceMs));
    const next = this.line.shift();
    if (next) next();
    else this.free += 1;
  }
}
