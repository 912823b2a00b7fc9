import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UseSlave } from 'nestjs-replicated';
import type { DataSource, QueryRunner } from 'typeorm';
import { IS_REPLICA, TRUST_FUNCTIONS, YES, isPostgres, numbersTo, sqlOf } from '../support/database.js';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

const NEW = "label_new('mine')";
const WRITING_FUNCTION = sqlOf({
  postgres: `CREATE FUNCTION label_new(t text) RETURNS int LANGUAGE sql AS 'INSERT INTO label (text) VALUES (t) RETURNING id'`,
  mariadb: `CREATE FUNCTION label_new(t varchar(99)) RETURNS int DETERMINISTIC BEGIN INSERT INTO label (text) VALUES (t); RETURN LAST_INSERT_ID(); END`,
});
const READING_FUNCTION = sqlOf({
  postgres: `CREATE FUNCTION label_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM label'`,
  mariadb: 'CREATE FUNCTION label_count() RETURNS bigint DETERMINISTIC RETURN (SELECT count(*) FROM label)',
});
/** Fails in the middle of its rows. */
const FAILING_ROW = sqlOf({
  postgres: { sql: '1 / (500 - n)', code: '22012' },
  mariadb: { sql: 'IF(n = 500, (SELECT 1 UNION SELECT 2), 1)', code: 'ER_SUBQUERY_NO_1_ROW' },
});

/** What a stream has, all of it, as a handler reads it. */
async function drain(rows: AsyncIterable<unknown>): Promise<unknown[]> {
  const found = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe('what was written is what the server says', () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    db = await openRouted({ entities: [Author, Book, Label] });
    ({ dataSource } = db);
    await db.servers.primary.query(TRUST_FUNCTIONS);
    await dataSource.query(WRITING_FUNCTION);
    await dataSource.query(READING_FUNCTION);
    await db.servers.waitForReplication();
  });
  afterAll(() => db?.close());

  const built = (call: string) => () =>
    dataSource.createQueryBuilder().select(call, 'id').fromDummy().getRawOne();
  const inTransaction = (call: string) => () =>
    dataSource.transaction((manager) =>
      manager.createQueryBuilder().select(call, 'id').fromDummy().getRawOne(),
    );
  const streamedInTransaction = (call: string) => () =>
    dataSource.transaction(async (manager) =>
      drain((await manager.queryRunner?.stream(`SELECT ${call}`)) as AsyncIterable<unknown>),
    );
  const streamed = (call: string) => async (): Promise<unknown> => {
    const runner = dataSource.createQueryRunner();
    const rows = await drain(await runner.stream(`SELECT ${call} AS n FROM ${numbersTo(250)}`));
    await runner.release();
    expect(rows).toHaveLength(250);
    return rows;
  };
  type Way = [string, (call: string) => () => Promise<unknown>];
  const WAYS: Way[] = [
    ['raw text', (call) => () => dataSource.query(`SELECT ${call}`)],
    ['a builder', built],
    ['a builder in a transaction', inTransaction],
    ['a stream', streamed],
    ['a stream in a transaction', streamedInTransaction],
  ];

  /** The token of a unit that does it, and what it stands for. */
  const tokenOf = (work: () => Promise<unknown>): Promise<string | undefined> =>
    db.selector.run({ intent: 'primary' }, async () => {
      await work();
      return db.selector.token();
    });

  it.each(WAYS)('by a function in %s: a position, which its replicas can reach', async (_what, way) => {
    const before = db.cluster.stats().tokens;
    const token = await tokenOf(way(NEW));
    expect(token).toBeDefined();
    await db.cluster.whenReplayed(token as string, { timeoutMs: 5_000 });
    const [role] = await rolesWith(token as string);
    expect(role).toBe('replica');
    expect(db.cluster.stats().tokens).not.toEqual(before);
  });

  it.each(WAYS)('nothing, by a function that only reads in %s', async (_what, way) => {
    expect(await tokenOf(way('label_count()'))).toBeUndefined();
  });

  it('a time, by a stream that its reader leaves early', async () => {
    const count = await dataSource.getRepository(Label).count();
    const token = await tokenOf(async () => {
      const runner = dataSource.createQueryRunner();
      for await (const row of await runner.stream(`SELECT ${NEW} FROM ${numbersTo(1000)}`)) {
        expect(row).toBeDefined();
        break;
      }
      await runner.release();
    });
    expect(token).toBeDefined();
    // MariaDB loses the connection, and the statement with it: that it may have written is enough.
    if (isPostgres) expect(await dataSource.getRepository(Label).count()).toBeGreaterThan(count);
  });

  it('nothing, by a stream that fails, whose connection goes on', async () => {
    const failing = (runner: QueryRunner) => async (): Promise<unknown> =>
      drain(await runner.stream(`SELECT ${NEW}, ${FAILING_ROW.sql} AS failing FROM ${numbersTo(1000)}`));
    const count = await dataSource.getRepository(Label).count();
    const token = await tokenOf(async () => {
      const runner = dataSource.createQueryRunner();
      await expect(failing(runner)()).rejects.toMatchObject({ code: FAILING_ROW.code });
      expect(await runner.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await runner.release();
    });
    expect(token).toBeUndefined();
    expect(await dataSource.getRepository(Label).count()).toBe(count);
  });

  const rolesWith = async (token: string): Promise<string[]> =>
    (
      await db.routesOf(() =>
        db.selector.run({ intent: 'replica', token }, () => dataSource.getRepository(Label).find()),
      )
    ).map(({ role }) => role);
});

class Handler {
  @UseSlave({ ownWrites: true })
  run<T>(fn: () => T): T {
    return fn();
  }
}

describe("under replica intent, with onReplicaWrite 'promote'", () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;
  const named: string[] = [];

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label],
      more: { routing: { onReplicaWrite: 'promote' } },
    });
    ({ dataSource } = db);
    await db.servers.primary.query(TRUST_FUNCTIONS);
    await dataSource.query(WRITING_FUNCTION);
    await db.servers.waitForReplication();
    db.cluster.on('wroteUnderReplicaIntent', ({ what }) => named.push(what));
  });
  afterAll(() => db?.close());
  beforeEach(() => void named.splice(0));

  const handled = <T>(fn: () => Promise<T>): Promise<T> => {
    class Another extends Handler {
      @UseSlave({ ownWrites: true })
      override run<R>(work: () => R): R {
        return work();
      }
    }
    return new Another().run(fn);
  };

  it('a transaction that only reads is neither named nor counted, and binds nothing behind it', async () => {
    const before = db.cluster.stats().promotedWrites;
    const routes = await db.routesOf(() =>
      handled(async () => {
        await dataSource.transaction((manager) => manager.find(Label));
        await dataSource.getRepository(Label).find();
      }),
    );
    expect(routes.map(({ role }) => role)).toEqual(['primary', 'replica']);
    expect([db.cluster.stats().promotedWrites, named]).toEqual([before, []]);
  });

  it('nor is one that was rolled back', async () => {
    const before = db.cluster.stats().promotedWrites;
    const failing = handled(() =>
      dataSource.transaction(async (manager) => {
        await manager.insert(Label, { text: 'half' });
        throw new Error('no');
      }),
    );
    await expect(failing).rejects.toThrow('no');
    expect([db.cluster.stats().promotedWrites, named]).toEqual([before, []]);
  });

  it('one that has written is, once', async () => {
    const before = db.cluster.stats().promotedWrites;
    const routes = await db.routesOf(() =>
      handled(async () => {
        await dataSource.transaction((manager) => manager.insert(Label, { text: 'x' }));
        await dataSource.getRepository(Label).find();
      }),
    );
    expect(routes.map(({ role }) => role)).toEqual(['primary', 'primary']);
    expect([db.cluster.stats().promotedWrites, named]).toEqual([before + 1, ['promoted']]);
  });

  it('a stream that calls a function which writes leaves a token', async () => {
    const token = await handled(async () => {
      const runner = dataSource.createQueryRunner();
      await drain(await runner.stream(`SELECT ${NEW}`));
      await runner.release();
      return db.selector.token();
    });
    expect(token).toBeDefined();
  });
});

describe("a query runner that the application asks for with 'slave'", () => {
  let db: RoutedDatabase;
  beforeAll(async () => {
    db = await openRouted({ entities: [Author, Book, Label] });
  });
  afterAll(() => db?.close());

  const isReplica = async (): Promise<unknown> => {
    const runner = db.dataSource.createQueryRunner('slave');
    try {
      return await runner.query(`SELECT ${IS_REPLICA}`);
    } finally {
      await runner.release();
    }
  };
  const READ = [{ isReplica: YES }];

  it('reads a replica in a job', async () => {
    expect(await isReplica()).toEqual(READ);
  });

  it('reads a replica where the unit writes, and leaves no token', async () => {
    await db.selector.run({ intent: 'primary' }, async () => {
      expect(await isReplica()).toEqual(READ);
      expect(await db.selector.token()).toBeUndefined();
    });
  });

  it('while the reads of builders follow the unit', async () => {
    const routes = await db.routesOf(() =>
      db.selector.run({ intent: 'primary' }, () => db.dataSource.getRepository(Label).find()),
    );
    expect(routes).toMatchObject([{ role: 'primary' }]);
  });
});
