import type { Driver, DriverPools } from '../../pool/driver.js';
import { discardIdle, usageOf } from './hook-pool.js';
import type { MysqlPool } from './mysql-pool.js';

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
  usageOf: (driver) => usageOf(poolOf(driver)),
  cutIdle: (driver) => discardIdle(poolOf(driver)),
};
