import pg, { type ClientConfig, type QueryResultRow } from 'pg';

/** Queries as superuser, over connections which do not keep this process alive and may die with their server. */
export class SuperuserSession {
  readonly #url: () => string;
  #pool: pg.Pool | undefined;

  constructor(url: () => string) {
    this.#url = url;
  }

  async query<Row extends object>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    const result = await this.#open().query<Row & QueryResultRow>(sql, [...params]);
    return result.rows;
  }

  /** Runs `work` with a connection of its own, made now and ended afterwards. */
  async withConnection<T>(work: (query: (sql: string) => Promise<unknown[]>) => Promise<T>): Promise<T> {
    const client = new pg.Client(connectionOptions(this.#url()));
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
    void this.#pool?.end();
    this.#pool = undefined;
  }

  #open(): pg.Pool {
    if (this.#pool === undefined) {
      this.#pool = new pg.Pool({ ...connectionOptions(this.#url()), max: 4, allowExitOnIdle: true });
      this.#pool.on('error', () => undefined); // an idle connection died with its server: the pool drops it
    }
    return this.#pool;
  }
}

function connectionOptions(connectionString: string): ClientConfig {
  return { connectionString, connectionTimeoutMillis: 10_000, application_name: 'nestjs-replicated-testing' };
}
