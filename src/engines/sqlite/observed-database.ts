import type { WriteWatch } from '../../engine.js';
import type { Database, Statement } from './database.js';
import { THERE } from './place.js';
import { begins, rollsBack } from './sql-text.js';

const OBSERVER = Symbol('observer');

type Observed = Database & { readonly [OBSERVER]?: Observer };

/** The connection as TypeORM sees it on a writable session: `watch` is told of what its statements have committed. */
export function observeSqliteWrites(connection: unknown, watch: WriteWatch): unknown {
  const database = connection as Database;
  const observer = new Observer(database, watch);
  return Object.create(database, {
    [OBSERVER]: { value: observer },
    prepare: { value: (sql: string) => observer.observe(database.prepare(sql), sql) },
  });
}

/** Ends when all that a connection has written is known where it matters; `undefined`: it is. */
export function whenTold(connection: unknown): Promise<unknown> | undefined {
  return (connection as Observed | undefined)?.[OBSERVER]?.takeTelling();
}

/** Statements are executed while their caller waits, so that what they have done is seen right after each. */
class Observer {
  private wasOpen: boolean;
  private hasWritten = false;
  private telling: Promise<unknown> | undefined;

  constructor(
    private readonly database: Database,
    private readonly watch: WriteWatch,
  ) {
    this.wasOpen = database.inTransaction;
  }

  observe(statement: Statement, sql: string): Statement {
    const mayWrite = !statement.readonly && !begins(sql);
    for (const method of ['run', 'all'] as const) {
      const execute = statement[method].bind(statement);
      statement[method] = (...values) => {
        let isDone = false;
        try {
          const answer = execute(...values);
          isDone = true;
          return answer;
        } finally {
          this.executed(mayWrite && isDone, isDone && !rollsBack(sql));
        }
      };
    }
    return statement;
  }

  takeTelling(): Promise<unknown> | undefined {
    const { telling } = this;
    this.telling = undefined;
    return telling;
  }

  /** `isKept`: if the statement has ended a transaction, what was written in it is there. */
  private executed(hasWritten: boolean, isKept: boolean): void {
    const { database, watch } = this;
    this.hasWritten ||= hasWritten;
    const isOpen = database.inTransaction;
    if (isOpen !== this.wasOpen) watch.transaction((this.wasOpen = isOpen));
    if (isOpen) return;
    if (this.hasWritten && isKept) this.tell();
    this.hasWritten = false;
  }

  private tell(): void {
    const { watch } = this;
    const told = watch.committed(watch.wantsPosition ? THERE : undefined, { isGuess: false });
    if (told) this.telling = Promise.all([this.telling, told]);
  }
}
