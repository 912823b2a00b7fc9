import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Pool, PoolUsage } from '../../connector.js';
import type { DriverOptions, ResolvedNode, ResolvedOptions } from '../../options/resolved-options.js';
import type { Driver, DriverPools } from './driver.js';
import type { Sockets } from './sockets.js';

/** How the DataSource of a pool is made. */
export interface SessionSetup {
  /** With connections over the pool's sockets. */
  readonly options: DriverOptions;
  /** Between its constructor and `initialize()`, where the driver has no option for what every new connection goes through. */
  readonly prepare?: (dataSource: DataSource) => void;
  /** Whether an attempt to open it that has failed so may succeed if made again. */
  readonly mayOpenAgain?: (error: unknown) => boolean;
}

/** What a pool of a node is made of. */
export interface NodePoolDeps {
  /** Tried one after the other, see `isRefused`. */
  readonly sessions: readonly [SessionSetup, ...SessionSetup[]];
  /** Whether the server refuses sessions of that kind, so that the next ones are tried. */
  readonly isRefused: (error: unknown) => boolean;
  readonly size: number;
  /** The routed DataSource, for whose query runners the connections are. */
  readonly owner: DataSource;
  readonly sockets: Sockets;
  readonly pools: DriverPools;
}

/** A pool of TypeORM's driver, held by a DataSource without entities, which costs next to nothing. */
export class NodePool implements Pool {
  driver: Driver | undefined;
  private opening: Promise<Driver> | undefined;
  private dataSource: DataSource | undefined;
  private isClosed = false;

  constructor(private readonly setup: NodePoolDeps) {}

  get size(): number {
    return this.setup.size;
  }

  open(): Promise<Driver> {
    return (this.opening ??= this.connect());
  }

  get usage(): PoolUsage | undefined {
    return this.driver && this.setup.pools.usageOf(this.driver);
  }

  get connections(): Sockets {
    return this.setup.sockets;
  }

  cutIdle(): void {
    if (this.dataSource) this.setup.pools.cutIdle(this.dataSource.driver);
  }

  cancelAll(): void {
    if (this.dataSource) this.setup.pools.cancelAll?.(this.dataSource.driver);
  }

  async close(): Promise<void> {
    const { sockets } = this.setup;
    this.isClosed = true;
    if (!this.dataSource) sockets.shut(); // so that an attempt to open it ends
    await this.opening?.catch(() => undefined);
    const { dataSource } = this;
    if (dataSource?.isInitialized) await sockets.closeWithin(() => dataSource.destroy(), POOL_CLOSE_MS);
  }

  private async connect(): Promise<Driver> {
    const [first, ...others] = this.setup.sessions;
    let attempt = this.connectWith(first);
    for (const session of others) {
      attempt = attempt.catch((error: unknown) => {
        if (!this.setup.isRefused(error)) throw error;
        return this.connectWith(session);
      });
    }
    return attempt.catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
  }

  private async connectWith(session: SessionSetup): Promise<Driver> {
    if (this.isClosed)
      throw new Error('Cannot use a pool after calling end on the pool: the application is closing.');
    const { owner, pools } = this.setup;
    const { options, prepare } = session;
    const dataSource = new DataSource({ ...options, logger: owner.logger } as unknown as DataSourceOptions);
    prepare?.(dataSource);
    await open(dataSource, session);
    this.dataSource = dataSource;
    return (this.driver = pools.lend(dataSource.driver, owner));
  }
}

/** Initialises what a session was made for. */
export async function open(dataSource: DataSource, { mayOpenAgain }: SessionSetup): Promise<void> {
  try {
    await dataSource.initialize();
  } catch (error) {
    if (!mayOpenAgain?.(error)) throw error;
    await dataSource.initialize();
  }
}

/** For the last words of idle connections: those in use were waited for before. */
export const POOL_CLOSE_MS = 1_000;

/** The most connections of a node's pools, `size` of which its options allow. */
export function poolSizes(
  settings: ResolvedNode,
  { primary, routing, cluster }: ResolvedOptions,
  size: number,
): Readonly<Record<'writable' | 'read-only', number>> {
  // The primary's are few, since writes come first; where any node may become the primary, they are counted as they are taken.
  const isRead = settings !== primary || cluster.failover === 'follow';
  return { writable: size, 'read-only': isRead ? size : Math.max(1, routing.primaryFallbackMax) };
}
