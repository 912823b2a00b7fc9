import type { DataSource } from 'typeorm';
import type { PoolUsage } from '../../../connector.js';
import { limitTime } from '../../pool/limit-time.js';
import { stateOf, type MysqlConnection } from '../connection.js';
import type { SetUp } from '../sessions/set-up.js';
import { withChangingPassword, type PasswordFunction } from './changing-password.js';
import type { MysqlPool, Take } from './mysql-pool.js';
import { prepareConnection } from './prepare-connection.js';

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
  const createPool = (options: { readonly password?: unknown }): MysqlPool => {
    const { password } = options;
    if (typeof password !== 'function') return hookPool(mysql.createPool(options), hook);
    const pool = mysql.createPool({ ...options, password: undefined });
    return hookPool(withChangingPassword(pool, password as PasswordFunction), hook);
  };
  loaded.mysql = Object.create(mysql, {
    createPool: { value: createPool },
  }) as Library;
}

/** A connection is shown to nobody before it is set up, and one that has ended not at all. */
export function hookPool(pool: MysqlPool, { setUp, waitMs }: PoolHook): MysqlPool {
  const getConnection = pool.getConnection.bind(pool);
  const ready = new WeakSet<MysqlConnection>();
  const take = (hand: Take, waiting: Waiting): void =>
    getConnection((problem, connection) => {
      if (problem || !connection) return hand(problem);
      if (hasEnded(connection)) return take(hand, waiting);
      if (ready.has(connection)) {
        if (waitMs === undefined || idleMs(connection) < DOUBTFUL_AFTER_MS) return hand(null, connection);
        return answers(connection, waitMs * SHARE_OF_WAIT, (isThere) => {
          if (isThere) return hand(null, connection);
          discardIdle(pool); // the network has forgotten it, and what lay there as long
          take(hand, waiting);
        });
      }
      waiting.connection = connection;
      void prepare(connection, setUp).then(
        () => hand(null, ready.add(connection) && connection),
        (failure: unknown) => hand(failure),
      );
    });
  pool.getConnection = (hand) => {
    const mustWait = (pool._freeConnections?.length ?? 0) === 0;
    const waiting: Waiting = {};
    take(waitMs !== undefined && mustWait ? within(waitMs, hand, waiting) : hand, waiting);
  };
  return pool;
}

function idleMs({ lastActiveTime = NaN }: MysqlConnection): number {
  return Date.now() - lastActiveTime; // as mysql2 has it
}

/** Its server may have ended it without a word that has arrived; nothing was sent on it, so that another one will do. */
function hasEnded(connection: MysqlConnection): boolean {
  const { isDead, idleLimitMs } = stateOf(connection);
  if (isDead) return true;
  const isOver = idleMs(connection) >= idleLimitMs * SHARE_OF_LIMIT;
  if (isOver) discard(connection);
  return isOver;
}

/** One that ends on its way costs more than one that is ended early. */
const SHARE_OF_LIMIT = 0.95;

/** A connection that reads and was idle for so long is asked for a sign of life before its use. */
const DOUBTFUL_AFTER_MS = 2_000;
/** For that; the rest is for another connection. */
const SHARE_OF_WAIT = 0.5;

function answers(connection: MysqlConnection, withinMs: number, tell: (isThere: boolean) => void): void {
  const end = (isThere: boolean): void => {
    endLimit();
    if (isOver) return;
    isOver = true;
    if (!isThere) discard(connection);
    tell(isThere);
  };
  let isOver = false;
  const endLimit = limitTime(withinMs, () => end(false));
  connection.ping((error) => end(!error));
}

/** Cuts all that lie idle in a pool, which forgets them at once. */
export function discardIdle(pool: MysqlPool | undefined): void {
  const free = pool?._freeConnections;
  const idle = Array.from({ length: free?.length ?? 0 }, (_, index) => free?.get(index));
  for (const connection of idle) if (connection) discard(connection);
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

/** One that waits for a connection, and the new one that it has got. */
interface Waiting {
  connection?: MysqlConnection;
}

/** What comes too late goes back. */
function within(waitMs: number, hand: Take, waiting: Waiting): Take {
  let isOver = false;
  const endLimit = limitTime(waitMs, () => {
    if (waiting.connection && stateOf(waiting.connection).isBeingApplied) return;
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
