import type { DataSource } from 'typeorm';
import type { Driver } from './driver.js';
import { isPgPool, quickCheckouts } from './quick-checkout.js';

/** Where TypeORM's Postgres driver keeps its pool, and who has connections of it. */
interface PgDriverParts {
  readonly master?: unknown;
  readonly connectedQueryRunners: unknown;
}

/**
 * The driver of `owner`, but for its connections, which are the lender's. What a query runner asks its driver for, such
 * as the logger or `maxQueryExecutionTime`, is the owner's, also when that is set at run time.
 */
export function lendConnections(lender: Driver, owner: DataSource): Driver {
  const { master, connectedQueryRunners } = lender as unknown as PgDriverParts;
  return Object.create(owner.driver, {
    master: { value: isPgPool(master) ? quickCheckouts(master) : master },
    connectedQueryRunners: { value: connectedQueryRunners },
  }) as Driver;
}
