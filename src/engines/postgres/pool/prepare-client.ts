import type { EventEmitter } from 'node:events';

/** A new connection of node-postgres, as far as it is prepared here. */
export type NewClient = EventEmitter & { query?(...args: unknown[]): unknown };

type Query = (...args: unknown[]) => unknown;

/**
 * Prepares a new connection for its pool.
 *
 * TypeORM listens for errors of a connection while a query runner has it, but not while it starts a pool. An `error` of
 * a client that nobody listens to ends the process, and here connections are cut whatever they do.
 */
export function prepareClient(client: NewClient): void {
  client.on('error', ignore);
  const query = client.query?.bind(client);
  if (query) client.query = queryByCallback(query);
}

/**
 * Where a promise is asked for, node-postgres assigns a function literal to a property of the query, which keeps the rows
 * and the request that asked until a full collection of garbage, see `connectRunner`. Given a callback, it does not.
 */
function queryByCallback(query: Query): Query {
  return (...args) => {
    if (!asksForPromise(args)) return query(...args);
    const [text, values] = args;
    const answer = new Promise((resolve, reject) => {
      query(text, values, (error: unknown, result: unknown) => (error ? reject(error) : resolve(result)));
    });
    return answer.catch(traceHere);
  };
}

/** Texts only: into a config, which may be used again, older versions of node-postgres would write the callback. */
function asksForPromise([query, values, callback]: readonly unknown[]): boolean {
  return typeof query === 'string' && typeof values !== 'function' && !callback;
}

/** As node-postgres does: a stack that leads to who has asked, not to the socket. */
function traceHere(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}

function ignore(): void {
  // Whoever waits for the connection is told by its query.
}
