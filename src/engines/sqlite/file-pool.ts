import type { Pool, PoolUsage } from '../../connector.js';
import { limitTime } from '../pool/limit-time.js';
import { Sockets } from '../pool/sockets.js';
import type { Database } from './database.js';

/** What a pool of connections to a file is made of. */
export interface FilePoolDeps {
  readonly size: number;
  /** How long a connection may be waited for. */
  readonly waitMs: number;
  readonly make: () => Database | Promise<Database>;
  /** Whether they are the pool's own, to keep and to close: otherwise `make` answers what is there anyway. */
  readonly isOwner: boolean;
}

interface Waiting {
  readonly hand: (connection: Database | Promise<Database>) => void;
}

/** Connections to one file, none of which has two users at a time. */
export class FilePool implements Pool {
  /** A file has none. */
  readonly connections = new Sockets();
  private readonly idle: Database[] = [];
  private readonly waiting: Waiting[] = [];
  private used = 0;
  private isClosed = false;

  constructor(private readonly setup: FilePoolDeps) {}

  get size(): number {
    return this.setup.size;
  }

  get driver(): this {
    return this;
  }

  get usage(): PoolUsage {
    return { idle: this.idle.length, used: this.used, pending: this.waiting.length };
  }

  open(): Promise<this> {
    return Promise.resolve(this);
  }

  take(): Promise<Database> {
    if (this.isClosed) return Promise.reject(new Error('Cannot use a pool after calling end on the pool.'));
    if (this.used >= this.size) return this.wait();
    this.used++;
    return this.next();
  }

  giveBack(connection: Database, isUsable: boolean): void {
    this.used--;
    if (this.setup.isOwner) {
      if (isUsable && !this.isClosed) this.idle.push(connection);
      else connection.close();
    }
    this.serve();
  }

  cutIdle(): void {
    for (const connection of this.idle.splice(0)) connection.close();
  }

  /** Nothing runs on them while this is called. */
  cancelAll(): void {}

  /** What is still in use is closed when it comes back. */
  close(): Promise<void> {
    this.isClosed = true;
    this.cutIdle();
    return Promise.resolve();
  }

  /** One of those there are, or a new one, which counts already. */
  private async next(): Promise<Database> {
    try {
      return this.idle.pop() ?? (await this.setup.make());
    } catch (error) {
      this.used--;
      this.serve();
      throw error;
    }
  }

  private serve(): void {
    const first = this.waiting.shift();
    if (!first) return;
    this.used++;
    first.hand(this.next());
  }

  private wait(): Promise<Database> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        hand(connection) {
          endLimit();
          resolve(connection);
        },
      };
      const endLimit = limitTime(this.setup.waitMs, () => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        reject(new WaitError(this.setup));
      });
      this.waiting.push(waiting);
    });
  }
}

class WaitError extends Error {
  readonly code = 'POOL_WAIT_TIMEOUT';
  constructor({ size, waitMs }: FilePoolDeps) {
    super(
      size === 1
        ? `The one connection that writes this SQLite file was in use for ${waitMs} ms. What belongs to a transaction must use the transaction's own manager.`
        : `None of the ${size} connections of the pool became free within ${waitMs} ms.`,
    );
  }
}
