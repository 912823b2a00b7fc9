import type { Driver } from './driver.js';

interface PgClient {
  readonly connection?: { readonly stream?: { destroy(): void } };
}

interface PgPool {
  readonly _idle?: readonly { readonly client: PgClient }[];
  _remove?(client: PgClient): void;
}

/**
 * Cuts the connections of a driver that lie idle in its pool, which forgets them at once: by itself it would only when
 * their sockets are closed. node-postgres does not show which they are.
 */
export function cutIdleConnections(driver: Driver): void {
  const pool = ((driver as unknown as { master?: unknown }).master ?? {}) as PgPool;
  for (const { client } of pool._idle?.slice() ?? []) {
    pool._remove?.(client);
    client.connection?.stream?.destroy();
  }
}
