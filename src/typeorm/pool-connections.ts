import type { DataSource } from 'typeorm';
import type { Driver } from './driver.js';

interface PgSocketHolder {
  readonly connection?: { readonly stream?: { destroy(): void } };
}

/** The pool inside TypeORM's Postgres driver, and in it the connections that node-postgres does not show. */
interface PgDriverParts {
  readonly master?: { readonly _clients?: readonly PgSocketHolder[] };
}

/**
 * Cuts every connection of a driver's pool. A server that no longer answers would keep its connections, and whoever
 * waits on them, for ever; the pool itself recovers and opens new ones.
 */
export function abortConnections(driver: Driver): void {
  const clients = (driver as unknown as PgDriverParts).master?._clients ?? [];
  for (const client of [...clients]) client.connection?.stream?.destroy();
}

/** Closes a DataSource; after `timeoutMs` its connections are cut, since closing waits for a server's last word. */
export async function closeWithin(dataSource: DataSource, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => abortConnections(dataSource.driver), timeoutMs);
  try {
    await dataSource.destroy();
  } finally {
    clearTimeout(timer);
  }
}
