import type { MysqlPool, Take } from './mysql-pool.js';

export type PasswordFunction = () => unknown;

/**
 * A pool that asks for the password whenever it makes a connection: mysql2 knows but texts. One that the server has refused
 * is asked for once more, since it may have been changed between the answer and the server's look at it.
 */
export function withChangingPassword(pool: MysqlPool, password: PasswordFunction): MysqlPool {
  const getConnection = pool.getConnection.bind(pool);
  const makeOne = async (): Promise<void> => {
    if (pool.config) pool.config.connectionConfig.password = await password();
  };
  const take = (hand: Take, isRepeat: boolean): void => {
    const handed: Take = (error, connection) =>
      isRefused(error) && !isRepeat ? take(hand, true) : hand(error, connection);
    if ((pool._freeConnections?.length ?? 0) > 0) return getConnection(handed);
    void makeOne().then(() => getConnection(handed), handed);
  };
  pool.getConnection = (hand) => take(hand, false);
  return pool;
}

function isRefused(error: unknown): boolean {
  return (error as { readonly errno?: unknown } | null | undefined)?.errno === ACCESS_DENIED;
}

const ACCESS_DENIED = 1045;
