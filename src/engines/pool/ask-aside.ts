import { DataSource, type DataSourceOptions } from 'typeorm';
import { limitTime } from './limit-time.js';
import type { SessionSetup } from './node-pool.js';
import { Sockets } from './sockets.js';
import type { RunStatement } from './typeorm-prober.js';

/** How a connection of one question is made, and how long that and the answer may take. */
export interface AsideSetup {
  readonly session: (sockets: Sockets) => SessionSetup;
  readonly timeoutMs: number;
}

/** Asks on a connection that is made for it, while another one is busy. Rejects when there is no answer in time. */
export async function askAside<T>(
  { session, timeoutMs }: AsideSetup,
  ask: (run: RunStatement) => Promise<T>,
): Promise<T> {
  const sockets = new Sockets();
  const { options, prepare } = session(sockets);
  const dataSource = new DataSource(options as unknown as DataSourceOptions);
  prepare?.(dataSource);
  const endLimit = limitTime(timeoutMs, () => sockets.shut());
  try {
    await dataSource.initialize();
    return await ask((sql) => dataSource.query(sql));
  } finally {
    endLimit();
    if (dataSource.isInitialized)
      sockets.closeWithin(() => dataSource.destroy(), LAST_WORD_MS).catch(() => undefined); // it is not used any more
  }
}

const LAST_WORD_MS = 500;
