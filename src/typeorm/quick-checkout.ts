/** As much of pg-pool as is used here. */
interface PgPool {
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { connectionTimeoutMillis?: number | undefined };
  connect(done: unknown): unknown;
}

/** What TypeORM's Postgres driver asks of its pool for a query. */
export interface Checkouts {
  connect(done: unknown): unknown;
}

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
      if (!limitMs || pool.idleCount <= pool.waitingCount) return pool.connect(done);
      options.connectionTimeoutMillis = 0;
      try {
        return pool.connect(done);
      } finally {
        options.connectionTimeoutMillis = limitMs;
      }
    },
  };
}

/** Whether it is a pool of pg-pool. */
export function isPgPool(pool: unknown): pool is PgPool {
  const { idleCount, waitingCount, options } = (pool ?? {}) as Partial<PgPool>;
  return typeof idleCount === 'number' && typeof waitingCount === 'number' && typeof options === 'object';
}
