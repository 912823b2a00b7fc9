import type { EventEmitter } from 'node:events';
import { TypeORMError, type QueryRunner } from 'typeorm';
import type { Driver } from './driver.js';
import { partsOf } from './query-runner-parts.js';
import type { Checkouts, Release } from './quick-checkout.js';

/** What TypeORM's Postgres driver keeps, and its runners use. */
interface ConnectingDriver {
  readonly master?: Checkouts;
  readonly connectedQueryRunners: unknown[];
}

/**
 * Takes a connection of the driver's pool for a runner, and does with it what TypeORM's own `connect` does: the runner is
 * noted by its driver, and released when the connection dies.
 *
 * TypeORM assigns a function literal to a property there. V8 puts such functions into the old generation at once (its
 * parser's `CheckAssigningFunctionLiteralToProperty`), and what an old object holds outlives every quick collection of
 * garbage: each runner, with all that hangs on it, would be copied twice and stay until a full collection, which costs
 * more than the routing.
 */
export function connectRunner(runner: QueryRunner, driver: Driver): Promise<unknown> {
  partsOf(runner).driver = driver;
  const { master } = driver as unknown as ConnectingDriver;
  if (!master) return Promise.reject(new TypeORMError('Driver not Connected'));
  return new Promise((resolve, reject) => {
    master.connect((error, connection, release) => {
      if (error) reject(error);
      else resolve(adopt(runner, connection as EventEmitter, release));
    });
  });
}

function adopt(runner: QueryRunner, connection: EventEmitter, release: Release): EventEmitter {
  const parts = partsOf(runner);
  const { connectedQueryRunners } = parts.driver as unknown as ConnectingDriver;
  connectedQueryRunners.push(runner);
  const died = (error: unknown) => void parts.releasePostgresConnection(error);
  const giveBack: Release = (error) => {
    connection.removeListener('error', died);
    release(error);
  };
  connection.on('error', died);
  parts.releaseCallback = giveBack;
  parts.databaseConnection = connection;
  return connection;
}
