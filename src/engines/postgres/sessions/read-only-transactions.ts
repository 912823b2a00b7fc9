import { READ_GUARD, TRANSACTION_STATUS, type PgClient } from '../../pg/internals.js';
import { afterComments } from '../../pg/writes/sql-text.js';

/** For a connection on which nothing but READ ONLY transactions keeps writes away: TypeORM gets one in its place that runs each statement in such a transaction. */
export function needReadOnlyTransactions(client: PgClient): void {
  Object.defineProperty(client, READ_GUARD, { value: guarded(client), configurable: true });
}

/** One per connection, since what its last user has left may still be ending when the next one comes. */
function guarded(client: PgClient): unknown {
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

/** Streams and cursors: what sends itself, and is its own answer. */
interface Submittable {
  readonly submit: unknown;
  readonly destroyed?: boolean;
  handleError(error: unknown): void;
}

/** Runs one statement after the other: the transaction of one must not end, or hold, that of another. */
class ReadGuard {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly client: PgClient) {}

  readonly query = (...args: readonly unknown[]): unknown => {
    const [query] = args;
    const answer = this.last.then(() => (isSubmittable(query) ? this.stream(query, args) : this.send(args)));
    this.last = answer.catch(() => undefined);
    return isSubmittable(query) ? query : answer;
  };

  private send(args: readonly unknown[]): unknown {
    if (this.isInsideAnother) return this.client.query(...args);
    const [text] = args;
    if (typeof text === 'string' && BEGIN.test(text))
      return this.client.query(`${text.replace(/;\s*$/, '')} READ ONLY`);
    return this.inTransaction(args);
  }

  /** Whether the application has begun a transaction itself, which is READ ONLY then. */
  private get isInsideAnother(): boolean {
    return this.client[TRANSACTION_STATUS]?.isOpen === true;
  }

  private async inTransaction(args: readonly unknown[]): Promise<unknown> {
    try {
      await this.client.query(OPEN);
      const answer = await this.client.query(...args);
      await this.client.query('COMMIT');
      return answer;
    } catch (error) {
      await (this.client.query('ROLLBACK') as Promise<unknown>).catch(() => undefined); // The connection is dead, then.
      throw error;
    }
  }

  /** The client sends COMMIT when the stream is over, however it ends. */
  private async stream(stream: Submittable, args: readonly unknown[]): Promise<void> {
    const isInside = this.isInsideAnother;
    try {
      if (!isInside) await this.client.query(OPEN);
    } catch (error) {
      return stream.handleError(error);
    }
    // One whose reader has gone away before it is sent could not be closed any more: the connection would stay in use.
    if (!stream.destroyed) this.client.query(...args);
    if (!isInside) await this.client.query({ text: 'COMMIT', query_timeout: NEVER_MS });
  }
}

function isSubmittable(query: unknown): query is Submittable {
  return typeof (query as Partial<Submittable> | undefined)?.submit === 'function';
}

/** The longest that a timer can wait: the time that the stream takes is its reader's. */
const NEVER_MS = 2_147_483_647;
