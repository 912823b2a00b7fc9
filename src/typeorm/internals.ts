import type { Readable } from 'node:stream';
import type { EntityManager, QueryRunner, ReplicationMode } from 'typeorm';

/**
 * What TypeORM keeps to itself and this library relies on: the same in 0.3 and 1.x, for all runners that keep one
 * connection of a pool. What is of one database is its engine's.
 */
export interface RunnerInternals {
  mode: ReplicationMode;
  isReleased: boolean;
  isTransactionActive: boolean;
  databaseConnection?: unknown;
  readonly manager: EntityManager;
}

/** The methods of TypeORM's query runners that a session stands in front of. */
export interface RunnerMethods {
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

/** Where a manager keeps its DataSource: `dataSource` in TypeORM 1.x, `connection` in 0.3. */
export interface ManagerInternals<D> {
  readonly dataSource?: D;
  readonly connection?: D;
}

/** Where the result cache keeps it. */
export interface CacheInternals<D> {
  dataSource?: D;
  connection?: D;
}

/** What persistence loads what is stored with, and nothing else asks for. */
export interface BuilderInternals {
  readonly findOptions?: { readonly loadRelationIds?: { readonly disableMixedMap?: boolean } };
}

/** What tells listeners and subscribers of writes, before they are sent: one per runner. */
export interface BroadcastingRunner {
  broadcaster: Record<string, (...about: unknown[]) => void>;
}
