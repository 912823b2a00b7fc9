import type * as Mysql from 'mysql2/promise';
import type Pg from 'pg';
import { describeError, TestingError } from './testing-error.js';

/** Loads a package that only some users of the entry point need. */
export async function loadPeer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new TestingError(
      'ERR_TESTING_UNSUPPORTED',
      `Package ${name} cannot be loaded: ${describeError(error)}. npm install --save-dev ${name}`,
      { cause: error },
    );
  }
}

/** node-postgres. */
export function loadPg(): Promise<typeof Pg> {
  return loadPeer('pg', async () => (await import('pg')).default);
}

/** mysql2, with promises. */
export function loadMysql2(): Promise<typeof Mysql> {
  return loadPeer('mysql2', () => import('mysql2/promise'));
}
