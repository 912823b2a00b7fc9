import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { TcpLink } from './tcp-link.js';

/** Where a server listens. */
export interface TcpAddress {
  host: string;
  port: number;
}

/** What a proxy does with its connections at the moment. */
export type ProxyMode = 'forward' | 'stall' | 'blackhole' | 'reset';

/**
 * A TCP proxy on 127.0.0.1 which can misbehave like a network. It does not keep the process alive.
 *
 * @example
 * proxy.stall(); // queries through the proxy hang, as behind a silent partition
 * proxy.resume();
 */
export class TcpProxy {
  /** Always the loopback address. */
  readonly host = '127.0.0.1';
  /** Where the proxy listens. */
  readonly port: number;
  readonly #server: Server;
  readonly #links = new Set<TcpLink>();
  readonly #startsDelay: ((bytes: Buffer) => boolean) | undefined;
  #target: TcpAddress;
  #mode: ProxyMode = 'forward';
  #delayMs = 0;
  #roundTrips = 0;

  /** @internal Proxies are made by `startTcpProxy`. */
  constructor(server: Server, target: TcpAddress, startsDelay?: (bytes: Buffer) => boolean) {
    this.#server = server.unref();
    this.#startsDelay = startsDelay;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#accept(client));
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** Number of connections which clients have open. */
  get connections(): number {
    return this.#links.size;
  }

  /**
   * How often clients have sent something for which they had waited: first of all, or after an answer. What this grows by
   * while something is done is what that costs behind a slow network.
   */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /** `url` with this proxy's host and port in place of its own. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = this.host;
    changed.port = String(this.port);
    return changed.href;
  }

  /** Forwards every byte `ms` milliseconds late, in each direction, on all connections. */
  delay(ms: number): void {
    this.resume();
    this.#delayMs = ms;
  }

  /** Accepts connections and forwards nothing, also not the end of a connection. `resume()` delivers it all. */
  stall(): void {
    this.#mode = 'stall';
    for (const link of this.#links) link.hold();
  }

  /** Existing connections stay open and are dead from then on; new ones are accepted and never answered. */
  blackhole(): void {
    this.#mode = 'blackhole';
    for (const link of this.#links) link.die();
  }

  /** Resets all connections, and every new one as soon as it is made. */
  reset(): void {
    this.#mode = 'reset';
    this.resetConnections();
  }

  /** Resets the connections of this moment; new ones are not affected. */
  resetConnections(): void {
    for (const link of this.#links) link.reset();
  }

  /** Back to plain forwarding. Connections that went into a black hole stay dead. */
  resume(): void {
    this.#mode = 'forward';
    this.#delayMs = 0;
    for (const link of this.#links) link.release();
  }

  /** New connections go to `target` from now on, as when a virtual address or a DNS name moves. */
  retarget(target: TcpAddress): void {
    this.#target = target;
  }

  /** Stops listening and resets all connections. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.resetConnections();
    await closed;
  }

  #accept(client: Socket): void {
    client.unref();
    if (this.#mode === 'reset') {
      client.resetAndDestroy();
      return;
    }
    const { host, port } = this.#target;
    const server = connect({ host, port, allowHalfOpen: true }).unref();
    const startsDelay = this.#startsDelay;
    let isDelayed = startsDelay === undefined;
    const link: TcpLink = new TcpLink(client.setNoDelay(), server.setNoDelay(), {
      delayMs: () => (isDelayed ? this.#delayMs : 0),
      onClose: () => this.#links.delete(link),
    });
    // Behind the link's own listener: what starts the delay is itself not late.
    if (startsDelay) client.on('data', (bytes: Buffer) => (isDelayed ||= startsDelay(bytes)));
    this.#count(client, server);
    this.#links.add(link);
    if (this.#mode === 'stall') link.hold();
    if (this.#mode === 'blackhole') link.die();
  }

  #count(client: Socket, server: Socket): void {
    let isAnswered = true;
    server.on('data', () => (isAnswered = true));
    client.on('data', () => {
      if (isAnswered) this.#roundTrips += 1;
      isAnswered = false;
    });
  }
}

/**
 * Starts a TCP proxy in front of any server, to delay, stall or cut its connections.
 *
 * @example
 * const proxy = await startTcpProxy({ host: '127.0.0.1', port: 5432 });
 * const pool = new pg.Pool({ connectionString: proxy.through(url) });
 */
export async function startTcpProxy(target: TcpAddress): Promise<TcpProxy> {
  return openTcpProxy(target, '127.0.0.1');
}

/**
 * The same, listening at another address of this machine as well. A connection is delayed once its client has sent
 * something of which `startsDelay` is true; without that function, from its beginning.
 */
export async function openTcpProxy(
  target: TcpAddress,
  listenHost: string,
  startsDelay?: (bytes: Buffer) => boolean,
): Promise<TcpProxy> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, listenHost);
  await once(server, 'listening');
  return new TcpProxy(server, target, startsDelay);
}
