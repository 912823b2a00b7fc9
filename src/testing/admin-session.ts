import { connect, type Socket } from 'node:net';
import type * as Mysql from 'mysql2/promise';
import { loadMysql2 } from './load-peer.js';

/** Queries of the account `root`, over connections which do not keep this process alive and may die with their server. */
export class AdminSession {
  readonly #url: () => string;
  readonly #sockets = new Set<Socket>();
  #pool: Promise<Mysql.Pool> | undefined;

  constructor(url: () => string) {
    this.#url = url;
  }

  async query<Row extends object>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    this.#pool ??= this.#open();
    const pool = await this.#pool;
    const atWork = setInterval(() => undefined, 60_000); // the process lives until there is an answer
    try {
      const [rows] = await pool.query(sql, [...params]);
      return (Array.isArray(rows) ? rows : []) as Row[];
    } finally {
      clearInterval(atWork);
    }
  }

  /** Cuts the connections; the next query opens new ones. */
  close(): void {
    this.#pool = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #open(): Promise<Mysql.Pool> {
    const { createPool } = await loadMysql2();
    const pool = createPool({
      uri: this.#url(),
      connectionLimit: 4,
      stream: ({ config }: { config: { host: string; port: number } }) => this.#connect(config),
    });
    // A connection that dies while idle: the pool drops it. Its own listener hears only the first error.
    pool.on('connection', (connection) => connection.on('error', () => undefined));
    return pool;
  }

  #connect({ host, port }: { host: string; port: number }): Socket {
    const socket = connect({ host, port, noDelay: true }).unref();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
