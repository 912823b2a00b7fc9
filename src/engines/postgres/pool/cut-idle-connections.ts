import type { Driver } from './driver.js';

interface PgPoolParts {
  readonly _idle?: readonly {
    readonly client: { readonly connection?: { readonly stream?: { destroy(): void } } };
  }[];
}

/** Cuts the connections of a driver that lie idle in its pool, which forgets them. node-postgres does not show which they are. */
export function cutIdleConnections(driver: Driver): void {
  const { _idle: idle = [] } = ((driver as unknown as { master?: unknown }).master ?? {}) as PgPoolParts;
  for (const { client } of idle) client.connection?.stream?.destroy();
}
