import type { QueryRunner, ReplicationMode } from 'typeorm';
import type { Driver } from './driver.js';

/**
 * What TypeORM's query runners keep to themselves and this library relies on. The same in TypeORM 0.3 and 1.x, for
 * the runners that keep one connection of a pool.
 */
export interface QueryRunnerParts {
  driver: Driver;
  mode: ReplicationMode;
  isReleased: boolean;
  isTransactionActive: boolean;
  databaseConnection?: unknown;
  databaseConnectionPromise?: Promise<unknown> | undefined;
  /** Gives the connection back to its pool; with an error, the pool destroys it. */
  releasePostgresConnection(error?: unknown): Promise<void>;
}

/** Sees the parts of a runner. */
export function partsOf(runner: QueryRunner): QueryRunnerParts {
  return runner as unknown as QueryRunnerParts;
}
