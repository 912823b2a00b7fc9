import type { Driver, DriverPools } from '../../pool/driver.js';
import { isPgPool, quickCheckouts } from './quick-checkout.js';

/** Where TypeORM's Postgres driver keeps its pool, and who has connections of it. */
interface PgDriver {
  readonly master?: unknown;
  readonly connectedQueryRunners: unknown;
}

interface PgClient {
  readonly connection?: { readonly stream?: { destroy(): void } };
}

interface PgPool {
  readonly _idle?: readonly { readonly client: PgClient }[];
  _remove?(client: PgClient): void;
}

/** The pools of TypeORM's Postgres driver. */
export const driverPools: DriverPools = {
  lend(lender, owner) {
    const { master, connectedQueryRunners } = lender as unknown as PgDriver;
    return Object.create(owner.driver, {
      master: { value: isPgPool(master) ? quickCheckouts(master) : master },
      connectedQueryRunners: { value: connectedQueryRunners },
    }) as Driver;
  },
  poolOf: (driver) => (driver as unknown as PgDriver).master,
  /** By itself, pg-pool forgets them only when their sockets are closed. node-postgres does not show which they are. */
  cutIdle(driver) {
    const pool = ((driver as unknown as PgDriver).master ?? {}) as PgPool;
    for (const { client } of pool._idle?.slice() ?? []) {
      pool._remove?.(client);
      client.connection?.stream?.destroy();
    }
  },
};
