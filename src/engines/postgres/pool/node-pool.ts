import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Pool, PoolUsage } from '../../../cluster/nodes/pool.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import { closeWithin } from './close-within.js';
import { cutIdleConnections } from './cut-idle-connections.js';
import type { Driver } from './driver.js';
import { lendConnections } from './lend-connections.js';
import { usageOf } from './quick-checkout.js';
import type { Sockets } from './sockets.js';

/** What a pool of a node is made of. */
export interface NodePoolSetup {
  /** What is tried in turn, see `isRefused`. */
  readonly options: readonly [DriverOptions, ...DriverOptions[]];
  /** Whether the server refuses sessions of that kind, so that the next options are tried. */
  readonly isRefused: (error: unknown) => boolean;
  readonly size: number;
  /** The routed DataSource, for whose query runners the connections are. */
  readonly owner: DataSource;
  readonly sockets: Sockets;
}

/** A pool of TypeORM's driver, held by a DataSource without entities, which costs next to nothing. */
export class NodePool implements Pool {
  driver: Driver | undefined;
  private opening: Promise<Driver> | undefined;
  private dataSource: DataSource | undefined;
  private isClosed = false;

  constructor(private readonly setup: NodePoolSetup) {}

  get size(): number {
    return this.setup.size;
  }

  get usage(): PoolUsage | undefined {
    return usageOf(this.dataSource?.driver);
  }

  open(): Promise<Driver> {
    return (this.opening ??= this.connect());
  }

  get connections(): Sockets {
    return this.setup.sockets;
  }

  cutIdle(): void {
    if (this.dataSource) cutIdleConnections(this.dataSource.driver);
  }

  async close(): Promise<void> {
    const { sockets } = this.setup;
    this.isClosed = true;
    if (!this.dataSource) sockets.refuse(); // so that an attempt to open it ends
    await this.opening?.catch(() => undefined);
    const { dataSource } = this;
    if (dataSource?.isInitialized) await closeWithin(() => dataSource.destroy(), sockets, CLOSE_TIMEOUT_MS);
  }

  private async connect(): Promise<Driver> {
    const [first, ...others] = this.setup.options;
    let attempt = this.connectWith(first);
    for (const options of others) {
      attempt = attempt.catch((error: unknown) => {
        if (!this.setup.isRefused(error)) throw error;
        return this.connectWith(options);
      });
    }
    return attempt.catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
  }

  private async connectWith(options: DriverOptions): Promise<Driver> {
    if (this.isClosed)
      throw new Error('Cannot use a pool after calling end on the pool: the application is closing.');
    const { size, owner, sockets } = this.setup;
    const extra = { ...(options['extra'] as object | undefined), max: size };
    const dataSource = new DataSource(
      sockets.within({ ...options, logger: owner.logger, extra }) as unknown as DataSourceOptions,
    );
    await dataSource.initialize();
    this.dataSource = dataSource;
    return (this.driver = lendConnections(dataSource.driver, owner));
  }
}

/** For the goodbyes of idle connections: those in use were waited for before. */
const CLOSE_TIMEOUT_MS = 1_000;

/** The pool of the routed DataSource itself: opened and closed by it. */
export class OwnPool implements Pool {
  private lent: { readonly master: unknown; readonly driver: Driver } | undefined;

  constructor(
    private readonly owner: DataSource,
    readonly size: number,
    readonly connections: Sockets,
  ) {}

  open(): Promise<Driver> {
    return Promise.resolve(this.driver);
  }

  /** Lent anew when the DataSource was closed and opened again: its pool is another one, then. */
  get driver(): Driver {
    const { driver } = this.owner as { readonly driver: Driver & { readonly master?: unknown } };
    if (!this.lent || this.lent.master !== driver.master)
      this.lent = { master: driver.master, driver: lendConnections(driver, this.owner) };
    return this.lent.driver;
  }

  get usage(): PoolUsage | undefined {
    return usageOf(this.owner.driver);
  }

  cutIdle(): void {
    cutIdleConnections(this.owner.driver);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
