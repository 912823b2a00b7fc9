import type { DataSource, QueryRunner } from 'typeorm';
import type { Database } from './database.js';
import type { FilePool } from './file-pool.js';
import { whenTold } from './observed-database.js';

/** What TypeORM's runner for SQLite keeps to itself. */
interface SqliteRunner {
  isReleased: boolean;
  databaseConnection?: unknown;
  /** Statements that were prepared on its connection. */
  readonly stmtCache: Map<string, unknown>;
  connect(): Promise<unknown>;
  query(...sent: unknown[]): Promise<unknown>;
  release(): Promise<void>;
}

/** Where the connection of a runner comes from. */
interface Loan {
  readonly pool: FilePool;
  readonly connection: Database;
}

const loans = new WeakMap<object, Loan>();

/** TypeORM's driver has one runner for everybody, which has the one connection: here each has its own, of a pool. */
export function separateRunners({ driver }: DataSource): void {
  const shared = driver as unknown as { queryRunner?: object | undefined };
  const create = driver.createQueryRunner.bind(driver);
  driver.createQueryRunner = (mode) => {
    shared.queryRunner = undefined;
    // By its mode the result cache knows that what reads cannot store.
    const runner = Object.assign(create(mode), { mode });
    shared.queryRunner = undefined;
    return Object.setPrototypeOf(runner, lentTo(Object.getPrototypeOf(runner) as object)) as QueryRunner;
  };
}

const lendable = new WeakMap<object, object>();

/** TypeORM's methods, for runners whose connections go back. */
function lentTo(base: object): object {
  let methods = lendable.get(base);
  if (!methods) lendable.set(base, (methods = lend(base as SqliteRunner)));
  return methods;
}

function lend(base: SqliteRunner): object {
  return Object.create(base, {
    query: {
      writable: true, // routing puts its own into the runner
      /** Asks for its connection at once, as elsewhere; its caller hears of a write when all others have. */
      async value(this: SqliteRunner, ...sent: unknown[]): Promise<unknown> {
        await this.connect();
        try {
          return await base.query.apply(this, sent);
        } finally {
          await whenTold(this.databaseConnection);
        }
      },
    },
    release: {
      writable: true,
      value(this: SqliteRunner): Promise<void> {
        endLoan(this, true);
        return base.release.call(this);
      },
    },
  }) as object;
}

export async function connect(given: QueryRunner, pool: unknown): Promise<unknown> {
  const runner = given as unknown as SqliteRunner;
  const connection = await (pool as FilePool).take();
  loans.set(runner, { pool: pool as FilePool, connection });
  runner.stmtCache.clear();
  return (runner.databaseConnection = connection);
}

export function giveBack(given: QueryRunner, whyUnusable?: unknown): void {
  endLoan(given as unknown as SqliteRunner, !whyUnusable);
}

function endLoan(runner: SqliteRunner, isUsable: boolean): void {
  const loan = loans.get(runner);
  if (!loan) return;
  loans.delete(runner);
  runner.stmtCache.clear();
  runner.isReleased = true;
  loan.pool.giveBack(loan.connection, isUsable);
}
