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
