import type { DataSource } from 'typeorm';
import type { PoolUsage } from '../../../connector.js';
import { limitTime } from '../../pool/limit-time.js';
import { stateOf, type MysqlConnection } from '../connection.js';
import type { SetUp } from '../sessions/set-up.js';
import { prepareConnection } from './prepare-connection.js';

type Take = (error: unknown, connection?: MysqlConnection) => void;

/** As much of a pool of mysql2 as is used here. */
export interface MysqlPool {
  readonly _freeConnections?: { readonly length: number; get(index: number): MysqlConnection };
  readonly _allConnections?: { readonly length: number };
  readonly _connectionQueue?: { readonly length: number };
  getConnection(hand: Take): void;
}

interface Library {
  createPool(options: object): MysqlPool;
}

/** What the connections of a pool go through. */
export interface PoolHook {
  readonly setUp: SetUp;
  /** How long a connection may be waited for; by itself, mysql2 waits as long as it takes. */
  readonly waitMs: number | undefined;
}

/** Has the driver of a DataSource that is not initialised yet make pools with a hook, by the very mysql2 that it has loaded. */
export function hookPools({ driver }: DataSource, hook: PoolHook): void {
  const loaded = driver as unknown as { mysql: Library };
  const { mysql } = loaded;
  loaded.mysql = Object.create(mysql, {
    createPool: { value: (options: object) => hookPool(mysql.createPool(options), hook) },
  }) as Library;
}

/** A connection is shown to nobody before it is set up, and a dead one not at all. */
export function hookPool(pool: MysqlPool, { setUp, waitMs }: PoolHook): MysqlPool {
  const getConnection = pool.getConnection.bind(pool);
  const ready = new WeakSet<MysqlConnection>();
  const take = (hand: Take): void =>
    getConnection((problem, connection) => {
      if (problem || !connection) return hand(problem);
      if (stateOf(connection).isDead) return take(hand);
      if (ready.has(connection)) return hand(null, connection);
      void prepare(connection, setUp).then(
        () => hand(null, ready.add(connection) && connection),
        (failure: unknown) => hand(failure),
      );
    });
  pool.getConnection = (hand) => {
    const mustWait = (pool._freeConnections?.length ?? 0) === 0;
    take(waitMs !== undefined && mustWait ? within(waitMs, hand) : hand);
  };
  return pool;
}

async function prepare(connection: MysqlConnection, setUp: SetUp): Promise<void> {
  prepareConnection(connection);
  try {
    await setUp(connection);
  } catch (error) {
    discard(connection);
    throw error;
  }
}

/** What an open pool is doing; `undefined`: it is closed. */
export function usageOf(pool: MysqlPool | undefined): PoolUsage | undefined {
  if (!pool) return undefined;
  const idle = pool._freeConnections?.length ?? 0;
  const used = (pool._allConnections?.length ?? 0) - idle;
  return { idle, used, pending: pool._connectionQueue?.length ?? 0 };
}

/** Cuts a connection at once: the pool forgets it, and what hangs on it fails. */
export function discard(connection: MysqlConnection): void {
  stateOf(connection).isDead = true;
  // A query on its way would never hear of it, otherwise: then it is the end of the socket that tells the pool.
  if (!connection._command) connection.destroy();
  connection.stream.destroy();
}

/** What comes too late goes back. */
function within(waitMs: number, hand: Take): Take {
  let isOver = false;
  const endLimit = limitTime(waitMs, () => {
    isOver = true;
    hand(new WaitError(waitMs));
  });
  return (error, connection) => {
    endLimit();
    if (!isOver) return hand(error, connection);
    connection?.release();
  };
}

class WaitError extends Error {
  readonly code = 'POOL_WAIT_TIMEOUT';
  constructor(waitMs: number) {
    super(`No connection of the pool became free, and none could be made, within ${waitMs} ms.`);
  }
}
