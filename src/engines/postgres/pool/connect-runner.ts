import type { EventEmitter } from 'node:events';
import { TypeORMError, type QueryRunner } from 'typeorm';
import type { Checkouts, Release } from './quick-checkout.js';

/** What TypeORM's Postgres runners keep to themselves. */
interface PgRunner {
  driver: ConnectingDriver;
  isReleased: boolean;
  databaseConnection?: unknown;
  /** Called by {@link releasePostgresConnection}, once. */
  releaseCallback?: ((error?: unknown) => void) | undefined;
  /** Gives the connection back to its pool, before it returns; with an error, the pool destroys it. */
  releasePostgresConnection(error?: unknown): Promise<void>;
}

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
export function connectRunner(runner: QueryRunner, driver: unknown): Promise<unknown> {
  const connecting = driver as ConnectingDriver;
  partsOf(runner).driver = connecting;
  const { master } = connecting;
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
  parts.driver.connectedQueryRunners.push(runner);
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

/** TypeORM releases a runner by itself when its connection dies. */
export function hasDied(runner: QueryRunner): boolean {
  return partsOf(runner).isReleased;
}

export function giveBack(runner: QueryRunner, whyUnusable?: unknown): void {
  // Ends before it returns; its promise is of an async function that awaits nothing.
  void partsOf(runner).releasePostgresConnection(whyUnusable);
}

function partsOf(runner: QueryRunner): PgRunner {
  return runner as unknown as PgRunner;
}
