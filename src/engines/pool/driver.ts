import type { DataSource } from 'typeorm';
import type { PoolUsage } from '../../connector.js';

/** TypeORM's driver: it holds a pool. */
export type Driver = DataSource['driver'];

/** What pools ask of TypeORM's driver for a database. */
export interface DriverPools {
  /**
   * The driver of `owner`, but for its connections, which are the lender's. What a query runner asks its driver for, such
   * as the logger or `maxQueryExecutionTime`, is the owner's, also when that is set at run time.
   */
  lend(lender: Driver, owner: DataSource): Driver;
  /** The pool that a driver holds: another one when its DataSource was closed and opened again. */
  poolOf(driver: Driver): unknown;
  /** What the pool of a driver is doing; `undefined`: it is closed, or cannot be seen into. */
  usageOf(driver: Driver): PoolUsage | undefined;
  /** Cuts the connections that lie idle in it, which it forgets at once. */
  cutIdle(driver: Driver): void;
  /** Asks the server to end what runs on its connections, where it can be asked. */
  cancelAll?(driver: Driver): void;
}
