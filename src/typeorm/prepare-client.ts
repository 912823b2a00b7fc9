import type { EventEmitter } from 'node:events';
import { outsideUnits } from '../context/storage.js';

/** A new connection of node-postgres, as far as it is prepared here. */
export type NewClient = EventEmitter & { query?(...args: unknown[]): unknown };

/**
 * Prepares a new connection for its pool.
 *
 * TypeORM listens for errors of a connection while a query runner has it, but not while it starts a pool. An `error` of
 * a client that nobody listens to ends the process, and here connections are cut whatever they do.
 *
 * Its queries run outside of units of work: what node-postgres makes for them outlives a query long enough to take the
 * request along through several collections of garbage, which then cost more than the routing itself.
 */
export function prepareClient(client: NewClient): void {
  client.on('error', ignore);
  const query = client.query?.bind(client);
  if (query) client.query = (...args) => outsideUnits(() => query(...args));
}

function ignore(): void {
  // Whoever waits for the connection is told by its query.
}
