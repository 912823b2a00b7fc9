import { hasOldPassword } from './changing-password.js';
import { TypeORMError, type QueryRunner } from 'typeorm';
import {
  READ_GUARD,
  releaseConnectionOf,
  TRANSACTION_STATUS,
  type PgClient,
  type PgDriver,
  type PgRunner,
  type Release,
} from '../internals.js';
import { cancelRead } from '../sessions/cancel.js';
import { releaseWhenAnswered } from '../writes/ask-ahead.js';

/**
 * Takes a connection of the driver's pool for a runner, and does with it what TypeORM's own `connect` does: the runner is
 * noted by its driver, and released when the connection dies.
 *
 * TypeORM assigns a function literal to a property there. V8 puts such functions into the old generation at once (its
 * parser's `CheckAssigningFunctionLiteralToProperty`), and what an old object holds outlives every quick collection of
 * garbage: each runner, with all that hangs on it, would be copied twice and stay until a full collection, which costs
 * more than the routing.
 *
 * And pg-pool starts a timer also when a connection lies there idle, which costs a quick read several percent. One that
 * must be made or waited for is limited by the pool as ever.
 */
export function connectRunner(given: QueryRunner, driver: unknown, isRepeat = false): Promise<unknown> {
  const runner = given as unknown as PgRunner;
  const { master: pool, connectedQueryRunners } = (runner.driver = driver as PgDriver);
  if (!pool) return Promise.reject(new TypeORMError('Driver not Connected'));
  return new Promise((resolve, reject) => {
    const limitMs = pool.options?.connectionTimeoutMillis;
    const isIdle = Boolean(limitMs) && pool.idleCount > pool.waitingCount;
    if (isIdle) pool.options.connectionTimeoutMillis = 0;
    let isOver = false;
    try {
      pool.connect((error, client, release) => {
        // pg-pool looks whether the time is over before it calls `verify`, not after: a connection that was given up meanwhile
        // is handed out all the same, and would be missing from the pool for good.
        if (isOver) return client ? release() : undefined;
        isOver = true;
        if (error && !isRepeat && hasOldPassword(pool.options?.password, error))
          return resolve(connectRunner(given, driver, true));
        if (error || !client) return reject(error);
        const died = (reason: unknown) => releaseConnectionOf(runner, reason);
        const giveUp: Release = (reason) => {
          client.removeListener('error', died);
          releaseWhenAnswered(client, release, reason);
        };
        client.on('error', died);
        connectedQueryRunners.push(runner);
        runner.releaseCallback = giveUp;
        resolve((runner.databaseConnection = client[READ_GUARD] ?? client));
      });
    } finally {
      if (isIdle) pool.options.connectionTimeoutMillis = limitMs;
    }
  });
}

/** TypeORM releases a runner by itself when its connection dies. */
export function hasDied(runner: QueryRunner): boolean {
  return runner.isReleased;
}

export function cancel(runner: QueryRunner): boolean {
  const { databaseConnection } = runner as unknown as PgRunner;
  return databaseConnection !== undefined && cancelRead(databaseConnection as PgClient);
}

/** What is still under way on a connection that reads, and is not for others any more, ends on its server, too. */
export function giveBack(runner: QueryRunner, whyUnusable?: unknown): void {
  if (whyUnusable) cancel(runner);
  releaseConnectionOf(runner as unknown as PgRunner, whyUnusable);
}

/**
 * Prepares a new connection for its pool.
 *
 * TypeORM listens for errors of a connection while a query runner has it, but not while it starts a pool. An `error` of
 * a client without a listener ends the process, and here connections are cut whatever they do.
 */
export function prepareClient(client: PgClient): void {
  client.on('error', ignore);
  followTransactions(client);
  const query = client.query?.bind(client) as Query | undefined;
  if (query) client.query = queryByCallback(query);
}

/**
 * What the server says after every statement, so that it holds however transactions begin and end:
 * several statements in one text, procedures, COMMIT AND CHAIN. pg-native does not pass it on.
 */
function followTransactions(client: PgClient): void {
  const { connection } = client;
  if (typeof connection?.on !== 'function') return;
  const known = { isOpen: false, isAborted: false };
  connection.on('readyForQuery', ({ status }) => {
    if (!status) return;
    known.isOpen = status !== 'I';
    known.isAborted = status === 'E';
  });
  Object.defineProperty(client, TRANSACTION_STATUS, { value: known });
}

type Query = (...args: readonly unknown[]) => unknown;

/**
 * Where a promise is asked for, node-postgres assigns a function literal to a property of the query, which keeps the rows
 * and the request that asked until a full collection of garbage, see `connectRunner`. Given a callback, it does not.
 */
function queryByCallback(query: Query): Query {
  return (...args) => {
    const [text, values, callback] = args;
    // Texts only: into a config, which may be used again, older versions of node-postgres would write the callback.
    if (typeof text !== 'string' || typeof values === 'function' || callback) return query(...args);
    const answer = new Promise((resolve, reject) => {
      query(text, values, (error: unknown, result: unknown) => (error ? reject(error) : resolve(result)));
    });
    return answer.catch(traceHere);
  };
}

/** As node-postgres does: a stack that leads to who has asked, not to the socket. */
function traceHere(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}

function ignore(): void {
  // What waits for the connection is told by its query.
}
