import type { DataSource } from 'typeorm';
import type { Connections, Pool, PoolUsage } from '../../connector.js';
import type { Driver, DriverPools } from './driver.js';

/** What the pool of the routed DataSource is made of. */
export interface OwnPoolDeps {
  readonly owner: DataSource;
  readonly size: number;
  readonly connections: Connections;
  readonly pools: DriverPools;
}

/** The pool of the routed DataSource itself: opened and closed by it. */
export class OwnPool implements Pool {
  readonly size: number;
  readonly connections: Connections;
  private lent: { readonly pool: unknown; readonly driver: Driver } | undefined;

  constructor(private readonly setup: OwnPoolDeps) {
    this.size = setup.size;
    this.connections = setup.connections;
  }

  open(): Promise<Driver> {
    return Promise.resolve(this.driver);
  }

  /** Lent again when the DataSource was closed and opened again: its pool is another one, then. */
  get driver(): Driver {
    const { owner, pools } = this.setup;
    const pool = pools.poolOf(owner.driver);
    if (!this.lent || this.lent.pool !== pool) this.lent = { pool, driver: pools.lend(owner.driver, owner) };
    return this.lent.driver;
  }

  get usage(): PoolUsage | undefined {
    return this.setup.pools.usageOf(this.setup.owner.driver);
  }

  cutIdle(): void {
    this.setup.pools.cutIdle(this.setup.owner.driver);
  }

  cancelAll(): void {
    this.setup.pools.cancelAll?.(this.setup.owner.driver);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
