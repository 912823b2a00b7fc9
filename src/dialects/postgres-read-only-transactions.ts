import type { PgClient } from './pg-client.js';
import { transactionStatusOf } from './postgres-transaction.js';

const KEY = Symbol.for('nestjs-replicated.read-only-transactions');

/** Marks a connection on which nothing but READ ONLY transactions keeps writes away. */
export function needReadOnlyTransactions(client: object): void {
  Object.defineProperty(client, KEY, { value: true, configurable: true });
}

/** The client as TypeORM sees it on such a connection: each statement runs in a READ ONLY transaction. */
export function guardReads(connection: unknown): unknown {
  const client = connection as PgClient & object & { [KEY]?: boolean };
  if (!client[KEY]) return connection;
  const guard = new ReadGuard(client);
  return new Proxy(client, {
    get(target, key) {
      if (key === 'query') return guard.query;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
    },
  });
}

const BEGIN = /^\s*(begin|start\s+transaction)\b/i;
const OPEN = 'START TRANSACTION READ ONLY';

class ReadGuard {
  /** Statements side by side take turns: the transaction of one must not end that of another. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly client: PgClient) {}

  readonly query = (...args: readonly unknown[]): unknown => {
    const [text] = args;
    if (transactionStatusOf(this.client)?.isOpen) return this.client.query(...args);
    if (typeof text !== 'string') return this.stream(args);
    if (BEGIN.test(text)) return this.client.query(`${text.replace(/;\s*$/, '')} READ ONLY`);
    const turn = this.last.then(() => this.inTransaction(args));
    this.last = turn.catch(() => undefined);
    return turn;
  };

  private async inTransaction(args: readonly unknown[]): Promise<unknown> {
    await this.client.query(OPEN);
    try {
      const answer = await this.client.query(...args);
      await this.client.query('COMMIT');
      return answer;
    } catch (error) {
      await (this.client.query('ROLLBACK') as Promise<unknown>).catch(() => undefined); // The connection is dead, then.
      throw error;
    }
  }

  /** The client sends them one after the other. */
  private stream(args: readonly unknown[]): unknown {
    const ignore = () => undefined; // The stream itself fails on a connection that is dead.
    (this.client.query(OPEN) as Promise<unknown>).catch(ignore);
    const stream = this.client.query(...args) as { once?: (event: string, listener: () => void) => void };
    stream.once?.('close', () => void (this.client.query('COMMIT') as Promise<unknown>).catch(ignore));
    return stream;
  }
}
