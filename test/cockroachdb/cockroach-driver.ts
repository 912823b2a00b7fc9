import pg from 'pg';

/** What an application's driver was asked, and in which sessions. */
export interface CockroachDriver {
  /** For the option `driver` of TypeORM. */
  readonly driver: typeof pg;
  /** Start-up options of all connections, in order. */
  readonly startups: readonly string[];
}

/**
 * node-postgres which makes PostgreSQL pass for CockroachDB, as far as an application's sessions need it: settings that
 * PostgreSQL has not become ones of an extension, so that the server itself keeps them, says them and refuses others.
 * `passesOptions: false`: a pooler stands between, which keeps start-up options to itself.
 */
export function cockroachDriver({ passesOptions = true } = {}): CockroachDriver {
  const startups: string[] = [];
  class Client extends pg.Client {
    constructor(config: pg.ClientConfig = {}) {
      const { options = '', ...others } = config;
      super({ ...others, ...(passesOptions && { options: onPostgres(options) }) });
      startups.push(options);
    }

    override query(...[first, ...more]: unknown[]): never {
      const query = super.query as (...args: unknown[]) => never;
      return query.call(this, typeof first === 'string' ? onPostgres(first) : first, ...more);
    }
  }
  class Pool extends pg.Pool {
    constructor(config: pg.PoolConfig) {
      super({ ...config, Client } as pg.PoolConfig);
    }
  }
  return { driver: Object.assign(Object.create(pg) as typeof pg, { Client, Pool }), startups };
}

function onPostgres(text: string): string {
  return text.replaceAll(
    /\b(?:default_transaction_use_follower_reads|enable_experimental_alter_column_type_general)\b/g,
    'crdb.$&',
  );
}

/** What it answers besides, to the owner of the table; `told` holds how old its follower reads are. */
export const SERVER_SQL = [
  'CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL)',
  'CREATE TABLE told (age interval)',
  `INSERT INTO told VALUES ('400 ms')`,
  'CREATE FUNCTION follower_read_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() - age FROM told $$',
  'GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC',
  'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC',
];
