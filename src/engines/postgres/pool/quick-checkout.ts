import type { PoolUsage } from '../../../connector.js';

/** As much of pg-pool as is used here. */
export interface PgPool {
  readonly totalCount?: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { connectionTimeoutMillis?: number | undefined; readonly password?: unknown };
  connect(done: Done): unknown;
}

/** What TypeORM's Postgres driver asks of its pool for a query. */
export interface Checkouts {
  connect(done: Done): unknown;
  /** Not TypeORM's question. */
  usage?(): PoolUsage;
}

export type Release = (error?: unknown) => void;
type Done = (error: unknown, client: unknown, release: Release) => void;

/**
 * Checkouts of a pool that start a timer only when there is something to wait for: pg-pool starts one also when a
 * connection lies there idle, which costs a quick read several percent. A connection that must be made or waited for is
 * limited by the pool as ever.
 */
export function quickCheckouts(pool: PgPool): Checkouts {
  return {
    connect(done) {
      const { options } = pool;
      const limitMs = options.connectionTimeoutMillis;
      if (!limitMs) return pool.connect(done);
      if (pool.idleCount <= pool.waitingCount) return pool.connect(onlyOnce(done));
      options.connectionTimeoutMillis = 0;
      try {
        return pool.connect(done);
      } finally {
        options.connectionTimeoutMillis = limitMs;
      }
    },
    usage() {
      const { idleCount, waitingCount, totalCount = idleCount } = pool;
      return { idle: idleCount, used: totalCount - idleCount, pending: waitingCount };
    },
  };
}

/**
 * pg-pool looks whether the time is over before it calls `verify`, not after: a connection that was given up meanwhile is
 * handed out all the same, to somebody who does not listen any more, and would be missing from the pool for good.
 */
function onlyOnce(done: Done): Done {
  let isOver = false;
  return (error, client, release) => {
    if (isOver) return client ? release() : undefined;
    isOver = true;
    done(error, client, release);
  };
}

/** What the pool of a lent driver is doing. */
export function usageOf(driver: unknown): PoolUsage | undefined {
  const { master } = driver as { readonly master?: Partial<Checkouts> };
  return master?.usage?.();
}

/** Whether it is a pool of pg-pool. */
export function isPgPool(pool: unknown): pool is PgPool {
  const { idleCount, waitingCount, options } = (pool ?? {}) as Partial<PgPool>;
  return typeof idleCount === 'number' && typeof waitingCount === 'number' && typeof options === 'object';
}
