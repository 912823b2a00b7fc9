import type { ClientConfig, Pool, QueryResultRow } from 'pg';
import { loadPg } from './load-peer.js';

/** Queries as superuser, over connections which do not keep this process alive and may die with their server. */
export class SuperuserSession {
  readonly #url: () => string;
  #pool: Promise<Pool> | undefined;

  constructor(url: () => string) {
    this.#url = url;
  }

  async query<Row extends object>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    this.#pool ??= this.#open();
    const result = await (await this.#pool).query<Row & QueryResultRow>(sql, [...params]);
    return result.rows;
  }

  /** Runs `work` with a connection of its own, made now and ended afterwards. */
  async withConnection<T>(work: (query: (sql: string) => Promise<unknown[]>) => Promise<T>): Promise<T> {
    const { Client } = await loadPg();
    const client = new Client(connectionOptions(this.#url()));
    client.on('error', () => undefined); // the query rejects
    await client.connect();
    try {
      return await work(async (sql) => (await client.query(sql)).rows);
    } finally {
      await client.end();
    }
  }

  /** Gives the connections back; the next query opens new ones. */
  close(): void {
    void this.#pool?.then((pool) => pool.end());
    this.#pool = undefined;
  }

  async #open(): Promise<Pool> {
    const { Pool } = await loadPg();
    const pool = new Pool({ ...connectionOptions(this.#url()), max: 4, allowExitOnIdle: true });
    pool.on('error', () => undefined); // an idle connection died with its server: the pool drops it
    return pool;
  }
}

function connectionOptions(connectionString: string): ClientConfig {
  return { connectionString, connectionTimeoutMillis: 10_000, application_name: 'nestjs-replicated-testing' };
}
