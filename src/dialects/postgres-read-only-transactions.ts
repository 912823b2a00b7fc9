import type { PgClient } from './pg-client.js';
import { transactionStatusOf } from './postgres-transaction.js';
import { afterComments } from './sql-text.js';

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

const BEGIN = afterComments(String.raw`(?:begin|start\s+transaction)\b[^;]*;?\s*$`);
const OPEN = 'START TRANSACTION READ ONLY';

/** As much of pg-query-stream as is needed here. */
interface QueryStream {
  readonly destroyed?: boolean;
  readonly cursor?: { close(done: () => void): void };
}

class ReadGuard {
  /** Statements side by side take turns: the transaction of one must not end that of another. */
  private last: Promise<unknown> = Promise.resolve();
  /** Transactions of the guard's own that are under way. */
  private own = 0;

  constructor(private readonly client: PgClient) {}

  readonly query = (...args: readonly unknown[]): unknown => {
    const [text] = args;
    if (typeof text !== 'string') return this.stream(args);
    const turn = this.last.then(() => this.send(text, args));
    this.last = turn.catch(() => undefined);
    return turn;
  };

  private send(text: string, args: readonly unknown[]): unknown {
    if (this.isInsideAnother) return this.client.query(...args);
    if (BEGIN.test(text)) return this.client.query(`${text.replace(/;\s*$/, '')} READ ONLY`);
    return this.inTransaction(args);
  }

  /** Whether the application has begun a transaction itself, which is READ ONLY then. */
  private get isInsideAnother(): boolean {
    return this.own === 0 && transactionStatusOf(this.client)?.isOpen === true;
  }

  private async inTransaction(args: readonly unknown[]): Promise<unknown> {
    this.own += 1;
    try {
      await this.client.query(OPEN);
      const answer = await this.client.query(...args);
      await this.client.query('COMMIT');
      return answer;
    } catch (error) {
      await (this.client.query('ROLLBACK') as Promise<unknown>).catch(() => undefined); // The connection is dead, then.
      throw error;
    } finally {
      this.own -= 1;
    }
  }

  /** The client sends them one after the other, however the stream ends; what comes later waits for its turn. */
  private stream(args: readonly unknown[]): unknown {
    if (this.isInsideAnother) return this.client.query(...args);
    this.own += 1;
    const ignore = () => undefined; // The stream itself fails on a connection that is dead.
    const opening = this.client.query(OPEN) as Promise<unknown>;
    const stream = this.client.query(...args) as QueryStream;
    // A reader that goes away before the cursor is sent cannot close it, and it would hold the connection for ever.
    opening.then(() => stream.destroyed && stream.cursor?.close(ignore), ignore);
    const isOver = (this.client.query({ text: 'COMMIT', query_timeout: NEVER_MS }) as Promise<unknown>).catch(
      ignore,
    );
    this.last = Promise.all([this.last, isOver.then(() => (this.own -= 1))]);
    return stream;
  }
}

/** The longest that a timer can wait: the time that the stream takes is its reader's. */
const NEVER_MS = 2_147_483_647;
