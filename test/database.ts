import {
  startMariadbCluster,
  startPostgresCluster,
  type PostgresCluster,
  type PostgresClusterOptions,
} from 'nestjs-replicated/testing';

/**
 * The database that tests of all of them run on, by TypeORM's `type`: TEST_DATABASE=mysql or mariadb takes MariaDB
 * (`npm run test:mariadb`).
 */
export const TYPE = (process.env['TEST_DATABASE'] ?? 'postgres') as 'postgres' | 'mysql' | 'mariadb';

export const isPostgres = TYPE === 'postgres';

/** One text or another, by the database. */
export function sqlOf<T>(texts: { readonly postgres: T; readonly mariadb: T }): T {
  return isPostgres ? texts.postgres : texts.mariadb;
}

/** A cluster of that database. The nodes of both have the same verbs. */
export async function startCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  if (isPostgres) return startPostgresCluster(options);
  const { replicas, settings, password } = options as {
    replicas?: number;
    settings?: object;
    password?: string;
  };
  return (await startMariadbCluster({
    ...(replicas !== undefined && { replicas }),
    ...(password !== undefined && { password }),
    ...(settings && { settings: {} }),
  })) as unknown as PostgresCluster;
}

/** The function that lets some seconds pass. */
export const SLEEP = sqlOf({ postgres: 'pg_sleep', mariadb: 'SLEEP' });

/** Counts rows, as a number: drivers read `count(*)` as text. */
export const COUNT = sqlOf({ postgres: 'count(*)::int AS count', mariadb: 'count(*) + 0e0 AS count' });

/** Sessions of the ordinary role: how many, and the text that each runs. */
export const SESSIONS = sqlOf({
  postgres: `(SELECT query AS text, state = 'active' AS is_active FROM pg_stat_activity WHERE usename = 'app') AS sessions`,
  mariadb: `(SELECT info AS text, command = 'Query' AS is_active FROM information_schema.processlist WHERE user = 'app') AS sessions`,
});

/** The port that the server of a session listens on. */
export const SERVER_PORT = sqlOf({ postgres: 'inet_server_port()', mariadb: '@@port' });

export const SESSION_ID = sqlOf({ postgres: 'pg_backend_pid()', mariadb: 'CONNECTION_ID()' });

/** Moves the position of the primary, and leaves nothing else. */
export const A_WRITE = sqlOf({
  postgres: `SELECT pg_logical_emit_message(true, 'late', 'late')`,
  mariadb: 'CREATE OR REPLACE VIEW late AS SELECT 1 AS one',
});
