import {
  startMariadbCluster,
  type PostgresCluster,
  type PostgresClusterOptions,
  type PostgresNode,
} from 'nestjs-replicated/testing';
import type { DataSource, QueryRunner } from 'typeorm';
import { borrowPostgres } from './borrow-postgres.js';

/**
 * The database that tests of all of them run on, by TypeORM's `type`: TEST_DATABASE=mysql or mariadb takes MariaDB
 * (`npm run test:mariadb`), and TEST_MYSQL_URLS servers that run already (`npm run test:mysql`).
 */
export const TYPE = (process.env['TEST_DATABASE'] ?? 'postgres') as 'postgres' | 'mysql' | 'mariadb';

export const isPostgres = TYPE === 'postgres';

/** The type by which tests of MariaDB and MySQL alone connect. */
export const MYSQL_TYPE = isPostgres ? 'mariadb' : TYPE;

/** One text or another, by the database. */
export function sqlOf<T>(texts: { readonly postgres: T; readonly mariadb: T }): T {
  return isPostgres ? texts.postgres : texts.mariadb;
}

/** A cluster of that database. The nodes of both have the same verbs. */
export async function startCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  if (isPostgres) return borrowPostgres(options);
  const { replicas, settings, password } = options as {
    replicas?: number;
    settings?: object;
    password?: string;
  };
  const urls = process.env['TEST_MYSQL_URLS'];
  if (urls) {
    const { UserServers } = await import('../mysql/user-servers.js');
    return (await UserServers.connect(urls, replicas)) as unknown as PostgresCluster;
  }
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
  mariadb: `(SELECT info AS text, command = 'Query' AS is_active FROM information_schema.processlist WHERE user LIKE 'app%') AS sessions`,
});

/** The port that the server of a session listens on. */
export const SERVER_PORT = sqlOf({ postgres: 'inet_server_port()', mariadb: '@@port + 0e0' });

export const SESSION_ID = sqlOf({ postgres: 'pg_backend_pid()', mariadb: 'CONNECTION_ID()' });

/** Moves the position of the primary, and leaves nothing else. */
export const A_WRITE = sqlOf({
  postgres: `SELECT pg_logical_emit_message(true, 'late', 'late')`,
  mariadb: 'CREATE OR REPLACE VIEW late AS SELECT 1 AS one',
});

/** Empties tables, and has their numbers begin again. */
export async function empty(dataSource: DataSource, ...tables: readonly string[]): Promise<void> {
  if (isPostgres) return dataSource.query(`TRUNCATE ${tables.join(', ')} RESTART IDENTITY CASCADE`);
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SET FOREIGN_KEY_CHECKS = 0');
    for (const table of tables) await runner.query(`TRUNCATE ${table}`);
  } finally {
    await runner.release();
  }
}

/** Whether the server of a session is a replica, as `isReplica`. */
export const IS_REPLICA = sqlOf({
  postgres: 'pg_is_in_recovery() AS "isReplica"',
  mariadb: '@@read_only = 1 AS `isReplica`',
});

/** Rows with the numbers from 1 on, as `n`. */
export const numbersTo = (last: number): string =>
  sqlOf({
    postgres: `generate_series(1, ${last}) n`,
    mariadb: `(SELECT seq + 0e0 AS n FROM seq_1_to_${last}) AS numbers`,
  });

/** TypeORM's own, by its default name. */
export const CACHE_TABLE = sqlOf({ postgres: '"query-result-cache"', mariadb: '`query-result-cache`' });

export const ADVISORY_LOCK = sqlOf({
  postgres: 'SELECT pg_advisory_lock(1)',
  mariadb: "SELECT GET_LOCK('1', 0)",
});

export const BEGIN_SERIALIZABLE = sqlOf({
  postgres: 'BEGIN ISOLATION LEVEL SERIALIZABLE',
  mariadb: 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
});

/** A query that fails by what it asks for, and the code of that. */
export const FAILING = sqlOf({
  postgres: { sql: 'SELECT 1/0', code: '22012' },
  mariadb: { sql: "SELECT CAST('x' AS DATE", code: 'ER_PARSE_ERROR' },
});

/** A parameter in a text. */
export const PARAMETER = sqlOf({ postgres: '$1', mariadb: '?' });

/** Changes a session, and shows what was changed. */
export const SET_MINE = sqlOf({ postgres: `SET application_name = 'mine'`, mariadb: `SET @mine = 'mine'` });
export const MINE = sqlOf({ postgres: `current_setting('application_name')`, mariadb: '@mine' });

/** What is true, as the driver reads it. */
export const YES = sqlOf<unknown>({ postgres: true, mariadb: 1 });
export const NO = sqlOf<unknown>({ postgres: false, mariadb: 0 });

export const NO_SUCH_TABLE = sqlOf({ postgres: '42P01', mariadb: 'ER_NO_SUCH_TABLE' });

export const SET_BY_SELECT = sqlOf({
  postgres: `SELECT set_config('a.b', 'c', false)`,
  mariadb: `SELECT @mine := 'mine'`,
});

/** Ends a session from outside, or from within. */
export const endSession = (id: number): string =>
  sqlOf({ postgres: `SELECT pg_terminate_backend(${id})`, mariadb: `KILL ${id}` });
export const END_ITSELF = sqlOf({
  postgres: 'SELECT pg_terminate_backend(pg_backend_pid())',
  mariadb: 'KILL CONNECTION_ID()',
});

/** One row, after a while. */
export const SLOW_ONE = sqlOf({
  postgres: 'SELECT 1 AS one FROM pg_sleep(0.3)',
  mariadb: 'SELECT 1 AS one FROM (SELECT SLEEP(0.3)) AS slept',
});

/** Whether a runner has heard that its session has ended: TypeORM releases those of node-postgres then. */
export function hasHeardOfItsEnd(runner: QueryRunner): boolean {
  if (isPostgres) return runner.isReleased;
  const { databaseConnection } = runner as { databaseConnection?: { stream: { destroyed: boolean } } };
  return databaseConnection?.stream.destroyed ?? true;
}

/**
 * What has to happen before another node is promoted while this one runs. On PostgreSQL nothing: of two that can be
 * written the newer timeline tells. Elsewhere writes stay where they are while two nodes can be written.
 */
export async function demote(primary: Pick<PostgresNode, 'query'>): Promise<void> {
  if (!isPostgres) await primary.query('SET GLOBAL read_only = 1');
}

/** With a log of its own, MariaDB lets only few create functions. */
export const TRUST_FUNCTIONS = sqlOf({
  postgres: 'SELECT 1',
  mariadb: 'SET GLOBAL log_bin_trust_function_creators = 1',
});
