import type { Driver, DriverPools } from '../../pool/driver.js';
import { discard, type MysqlPool } from './hook-pool.js';

/** Where TypeORM's driver of the family keeps its pool. */
export interface MysqlDriver {
  readonly pool?: MysqlPool;
}

function poolOf(driver: Driver): MysqlPool | undefined {
  return (driver as unknown as MysqlDriver).pool;
}

export const driverPools: DriverPools = {
  lend: (lender, owner) => Object.create(owner.driver, { pool: { value: poolOf(lender) } }) as Driver,
  poolOf,
  cutIdle(driver) {
    const free = poolOf(driver)?._freeConnections;
    const idle = Array.from({ length: free?.length ?? 0 }, (_, index) => free?.get(index));
    for (const connection of idle) if (connection) discard(connection);
  },
};
