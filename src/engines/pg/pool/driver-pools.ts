import type { Driver, DriverPools } from '../../pool/driver.js';
import { cancelRead } from '../sessions/cancel.js';
import type { PgDriver } from '../internals.js';

/** The pools of TypeORM's Postgres driver. */
export const driverPools: DriverPools = {
  lend(lender, owner) {
    const { master, connectedQueryRunners } = lender as unknown as PgDriver;
    return Object.create(owner.driver, {
      master: { value: master },
      connectedQueryRunners: { value: connectedQueryRunners },
    }) as Driver;
  },
  poolOf: (driver) => (driver as unknown as PgDriver).master,
  usageOf(driver) {
    const { master: pool } = driver as unknown as PgDriver;
    if (!pool) return undefined;
    const { totalCount, idleCount, waitingCount } = pool;
    return { idle: idleCount, used: totalCount - idleCount, pending: waitingCount };
  },
  /** By itself, pg-pool forgets them only when their sockets are closed. node-postgres does not show which they are. */
  cutIdle(driver) {
    const { master: pool } = driver as unknown as PgDriver;
    for (const { client } of pool?._idle?.slice() ?? []) {
      pool?._remove?.(client);
      client.connection?.stream?.destroy();
    }
  },
  cancelAll(driver) {
    const { master: pool } = driver as unknown as PgDriver;
    for (const client of pool?._clients ?? []) cancelRead(client);
  },
};
