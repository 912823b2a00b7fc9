import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

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
  /** Queries that were let through. */
  served = 0;
  private readonly line: (() => void)[] = [];
  private free: number;
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
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CapacityProxy(target, capacity, server);
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
      for (const { message, isQuery } of messages.read(bytes))
        sending = sending
          .then(() => (isQuery ? this.serve() : undefined))
          .then(() => void upstream.write(message));
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      const end = () => [client, upstream].forEach((one) => this.sockets.delete(one.destroy()));
      socket.on('error', end).on('close', end);
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

/** The server starts to work when it gets a simple query, or the end of an extended one. */
const STARTS_WORK: ReadonlySet<number | undefined> = new Set(Buffer.from('QS'));

/** Cuts what a client of PostgreSQL sends into messages. The first one of a connection has no type, only a length. */
export class FrontendMessages {
  private rest: Buffer = Buffer.alloc(0);
  private typeBytes = 0;

  *read(bytes: Buffer): Generator<{ readonly message: Buffer; readonly isQuery: boolean }> {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      if (this.rest.length < this.typeBytes + 4) return;
      const length = this.typeBytes + this.rest.readInt32BE(this.typeBytes);
      if (this.rest.length < length) return;
      const message = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      yield { message, isQuery: this.typeBytes === 1 && STARTS_WORK.has(message[0]) };
      this.typeBytes = 1;
    }
  }
}
