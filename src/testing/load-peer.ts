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
export const loadPg = () => loadPeer('pg', async () => (await import('pg')).default);

/** mysql2, with promises. */
export const loadMysql2 = () => loadPeer('mysql2', () => import('mysql2/promise'));
