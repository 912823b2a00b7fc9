import type { Readable } from 'node:stream';
import type { QueryRunner, ReplicationMode } from 'typeorm';

/**
 * What TypeORM's query runners keep to themselves and this library relies on. The same in TypeORM 0.3 and 1.x, for
 * the runners that keep one connection of a pool; what is a database's own is its engine's.
 */
export interface QueryRunnerParts {
  mode: ReplicationMode;
  isReleased: boolean;
  isTransactionActive: boolean;
  databaseConnection?: unknown;
}

/** The methods of TypeORM's query runners that a session stands in front of. */
export interface QueryRunnerMethods {
  connect(): Promise<unknown>;
  query(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown>;
  stream(
    sql: string,
    parameters?: unknown[],
    onEnd?: () => void,
    onError?: (error: Error) => void,
  ): Promise<Readable>;
  startTransaction: QueryRunner['startTransaction'];
  release(): Promise<void>;
}

/** Sees the parts of a runner. */
export function partsOf(runner: QueryRunner): QueryRunnerParts {
  return runner as unknown as QueryRunnerParts;
}

/** The methods as TypeORM wrote them, whatever stands in front of them. Call them on the runner. */
export function methodsOf(runner: QueryRunner): QueryRunnerMethods {
  return Object.getPrototypeOf(runner) as QueryRunnerMethods;
}
