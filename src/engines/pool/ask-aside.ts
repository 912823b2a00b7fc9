import { DataSource, type DataSourceOptions } from 'typeorm';
import { limitTime } from './limit-time.js';
import type { SessionSetup } from './node-pool.js';
import { Sockets } from './sockets.js';
import type { RunStatement } from './typeorm-prober.js';

/** What a connection has reached: its address, whatever the name in front of it leads to by now. */
export type ReachedAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** How the connections of single questions are made, and how long one of them and its answer may take. */
export interface AsideSetup {
  /** Of one connection to an address that another one has reached; `undefined`: wherever the options lead. */
  readonly session: (sockets: Sockets, reached: ReachedAddress | undefined) => SessionSetup;
  readonly timeoutMs: number;
}

/** Asks the server of a busy connection about it by another connection, made for the question: one at a time. */
export class Aside {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly setup: AsideSetup) {}

  /** `ask` answers `undefined` when it has met another server. The same answer here: so it was each time, or nobody answered. */
  ask<T>(
    reached: ReachedAddress | undefined,
    ask: (run: RunStatement) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const attempt = async (attemptsLeft: number): Promise<T | undefined> => {
      const answer = await askOnce(this.setup, reached, ask);
      return answer === undefined && attemptsLeft > 0 ? attempt(attemptsLeft - 1) : answer;
    };
    const asking = this.last.then(() => attempt(MORE_ATTEMPTS)).catch(() => undefined);
    this.last = asking;
    return asking;
  }
}

async function askOnce<T>(
  { session, timeoutMs }: AsideSetup,
  reached: ReachedAddress | undefined,
  ask: (run: RunStatement) => Promise<T>,
): Promise<T> {
  const sockets = new Sockets();
  const { options, prepare } = session(sockets, reached);
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

/** For addresses of several servers, which lead to another one each time. */
const MORE_ATTEMPTS = 4;
const LAST_WORD_MS = 500;
