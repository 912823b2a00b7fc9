import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionSelector, UseSlave } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import {
  CACHE_TABLE,
  FAILING,
  MINE,
  PARAMETER,
  SESSION_ID,
  SET_MINE,
  TRUST_FUNCTIONS,
  empty,
  sqlOf,
  startCluster,
} from '../support/database.js';
import type { DataSource, QueryRunner } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

const INSERT = `INSERT INTO label (text) VALUES ('x')`;
/** The forms in which a query runner takes a text: with the flag that TypeORM's builders set, and without. */
type Send = (runner: QueryRunner, sql: string) => Promise<unknown>;
const FORMS: [string, Send][] = [
  ['as TypeORM sends', (runner, sql) => runner.query(sql, [], true)],
  ['as applications send', (runner, sql) => runner.query(sql)],
];

const asStream: Send = async (runner, sql) => {
  for await (const row of await runner.stream(sql)) void row;
};

/** What changes a session for good, and shows whether it did. */
const CHANGES = sqlOf<[string, string][]>({
  postgres: [
    [SET_MINE, MINE],
    ["SELECT set_config('application_name', 'mine', false)", MINE],
    ['/* a job */ SET ROLE pg_read_all_data', 'current_user'],
    ['SELECT 1; SET statement_timeout = 4321', "current_setting('statement_timeout')"],
    ['LISTEN mine', '(SELECT count(*) FROM pg_listening_channels())'],
    ["PREPARE mine AS SELECT 'mine'", '(SELECT count(*) FROM pg_prepared_statements)'],
    ['CREATE TEMPORARY TABLE mine (n int)', "to_regclass('pg_temp.mine')::text"],
    ['CREATE TABLE pg_temp.mine (n int)', "to_regclass('pg_temp.mine')::text"],
    ['SELECT 1 AS n INTO TEMPORARY mine', "to_regclass('pg_temp.mine')::text"],
    [
      'WITH one AS (SELECT 1 AS n) SELECT n INTO LOCAL TEMP TABLE mine FROM one',
      "to_regclass('pg_temp.mine')::text",
    ],
    ["UPDATE pg_settings SET setting = 'mine' WHERE name = 'application_name'", MINE],
    ['DECLARE mine CURSOR WITH HOLD FOR SELECT 1', '(SELECT count(*) FROM pg_cursors WHERE is_holdable)'],
  ],
  mariadb: [
    [SET_MINE, MINE],
    ["SELECT @mine := 'mine'", MINE],
    ["/* a job */ SET sql_mode = 'ANSI'", '@@sql_mode'],
    ['SELECT 1; SET max_statement_time = 4.321', '@@max_statement_time'],
    ['SELECT LAST_INSERT_ID(7)', 'LAST_INSERT_ID()'],
    ['USE information_schema', 'DATABASE()'],
    ['CREATE TEMPORARY TABLE label AS SELECT 1 AS id', '(SELECT count(*) FROM label)'],
  ],
});
/** What changes a session until the end of its transaction, or of the statement itself. */
const PASSING = sqlOf({
  postgres: [`SET LOCAL application_name = 'mine'`, `SELECT set_config('application_name', 'mine', true)`],
  mariadb: ['SET STATEMENT max_statement_time = 5 FOR SELECT 1', 'SAVEPOINT mine'],
});
/** One that writes, and one that reads, of which PostgreSQL cannot tell that: VOLATILE, as functions are when nobody says otherwise. */
const FUNCTIONS = sqlOf({
  postgres: [
    `CREATE FUNCTION label_new() RETURNS SETOF int LANGUAGE sql AS $$ ${INSERT} RETURNING id $$`,
    'CREATE FUNCTION label_count() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM label $$',
  ],
  mariadb: [
    `CREATE FUNCTION label_new() RETURNS int DETERMINISTIC BEGIN ${INSERT}; RETURN LAST_INSERT_ID(); END`,
    'CREATE FUNCTION label_count() RETURNS bigint DETERMINISTIC RETURN (SELECT count(*) FROM label)',
  ],
});
const NUMBER_AND_CALL = sqlOf({
  postgres: 'SELECT $1::text AS n, label_count()',
  mariadb: 'SELECT ? AS n, label_count()',
});
const WHERE = sqlOf({ postgres: 'WHERE', mariadb: 'FROM DUAL WHERE' });
const TYPED = sqlOf({
  postgres: {
    sql: `SELECT $1::int AS n, now() AS at, '{"a":1}'::jsonb AS doc, true AS b`,
    row: { n: 7, at: expect.any(Date), doc: { a: 1 }, b: true },
  },
  mariadb: {
    sql: `SELECT ? AS n, now() AS at, JSON_OBJECT('a', 1) AS doc, true AS b`,
    row: { n: 7, at: expect.any(Date), doc: { a: 1 }, b: 1 },
  },
});
const FAILURES = sqlOf<[string, unknown[], object][]>({
  postgres: [
    ['SELECT missing()', [], { code: '42883', position: '8' }],
    ['SELECT $1::int', ['x'], { code: '22P02' }],
  ],
  mariadb: [
    ['SELECT missing()', [], { code: 'ER_SP_DOES_NOT_EXIST', errno: 1305 }],
    ['SELECT ? + missing_column', ['x'], { code: 'ER_BAD_FIELD_ERROR' }],
  ],
});

describe('sessions that the application handles itself', () => {
  let servers: PostgresCluster;
  beforeAll(async () => {
    servers = await startCluster({ replicas: 1 });
  });
  afterAll(() => servers?.stop());

  describe.each(['promote', 'reject'] as const)(
    "with onReplicaWrite '%s' and a pool of one",
    (onReplicaWrite) => {
      const { db } = opened(() => servers, { poolSize: 1, routing: { onReplicaWrite } });

      async function withRunner<T>(fn: (runner: QueryRunner) => Promise<T>): Promise<T> {
        const runner = db().dataSource.createQueryRunner();
        try {
          return await fn(runner);
        } finally {
          await runner.release();
        }
      }
      const inGet = (fn: (runner: QueryRunner) => Promise<unknown>) => db().reading(() => withRunner(fn));
      const inPost = (fn: (runner: QueryRunner) => Promise<unknown>) =>
        db().selector.run({ intent: 'primary' }, () => withRunner(fn));
      const count = () => db().dataSource.getRepository(Label).count();
      /** What the next borrower of the only connection of either pool finds. */
      async function nextFinds(sql: string): Promise<unknown[]> {
        const ask = () => db().dataSource.query(sql);
        const [[replica], [primary]] = await Promise.all([
          db().reading(ask),
          db().selector.run({ intent: 'primary' }, ask),
        ]);
        return [replica, primary];
      }

      it.each(FORMS)('ROLLBACK takes back what was written, sent %s', async (_form, send) => {
        await inGet(async (runner) => {
          await send(runner, 'BEGIN');
          await send(runner, INSERT);
          await send(runner, 'ROLLBACK');
        }).catch(() => 'refused');
        expect(await count()).toBe(0);
        expect(await nextFinds('SELECT 1 AS one')).toEqual([{ one: 1 }, { one: 1 }]);
      });

      it.each([...FORMS, ['as a stream', asStream]] as [string, Send][])(
        'an open transaction does not reach the next borrower, sent %s',
        async (_form, send) => {
          for (const door of [inGet, inPost]) {
            await door(async (runner) => {
              await send(runner, 'BEGIN');
              await send(runner, FAILING.sql);
            }).catch(() => 'failed');
            await door(async (runner) => {
              await send(runner, 'START TRANSACTION');
              await send(runner, INSERT);
            }).catch(() => 'refused');
            expect(await nextFinds('SELECT 1 AS one')).toEqual([{ one: 1 }, { one: 1 }]);
          }
          expect(await count()).toBe(0);
        },
      );

      it.each(CHANGES)('the next borrower does not get a session with %s', async (change, value) => {
        const question = `SELECT ${value} AS value`;
        const before = await nextFinds(question);
        for (const send of [...FORMS.map(([, send]) => send), asStream]) {
          for (const door of [inGet, inPost]) {
            await door((runner) => send(runner, change)).catch(() => 'refused');
            expect(await nextFinds(question)).toEqual(before);
          }
        }
      });

      it('what lasts until the end of its transaction costs no connection', async () => {
        const pids = await nextFinds(`SELECT ${SESSION_ID} AS pid`);
        for (const door of [inGet, inPost]) {
          await door(async (runner) => {
            await runner.startTransaction('REPEATABLE READ');
            for (const text of PASSING) await runner.query(text);
            await runner.commitTransaction();
          });
        }
        const after = await nextFinds(`SELECT ${SESSION_ID} AS pid`);
        expect(after[1]).toEqual(pids[1]);
        if (onReplicaWrite === 'reject') expect(after[0]).toEqual(pids[0]);
      });
    },
  );

  describe('what functions write', () => {
    const { db } = opened(() => servers, {});
    beforeAll(async () => {
      await servers.primary.control(TRUST_FUNCTIONS);
      for (const text of FUNCTIONS) await db().dataSource.query(text);
    });

    async function tokenOf(fn: (runner: QueryRunner, dataSource: DataSource) => Promise<unknown>) {
      const { dataSource, selector } = db();
      return selector.run({ intent: 'primary' }, async () => {
        const runner = dataSource.createQueryRunner();
        await fn(runner, dataSource).finally(() => runner.release());
        return selector.token();
      });
    }
    const builder = (source: DataSource, expression: string) =>
      source.createQueryBuilder().select(expression, 'n').fromDummy().getRawOne();
    const CALLS = {
      'a runner': (sql: string) => tokenOf((runner) => runner.query(sql)),
      'a runner with the flag': (sql: string) => tokenOf((runner) => runner.query(sql, [], true)),
      parameters: (sql: string) => tokenOf((runner) => runner.query(`${sql} ${WHERE} ${PARAMETER}`, [true])),
      'query()': (sql: string) => tokenOf((_runner, source) => source.query(sql)),
      'a transaction': (sql: string) => tokenOf((_r, source) => source.transaction((m) => m.query(sql))),
      'a transaction by text': (sql: string) =>
        tokenOf(async (runner) => {
          for (const text of ['BEGIN', sql, 'COMMIT']) await runner.query(text, [], true);
        }),
      'a builder': (sql: string) => tokenOf((_r, source) => builder(source, sql.replace('SELECT ', ''))),
    };

    it.each(Object.keys(CALLS) as (keyof typeof CALLS)[])(
      'leaves a token when it was called by %s',
      async (how) => {
        expect(await CALLS[how]('SELECT label_new()')).toEqual(expect.any(String));
        expect(db().cluster.stats().tokens['no-position'] ?? 0).toBe(0);
      },
    );

    it.each(Object.keys(CALLS) as (keyof typeof CALLS)[])(
      'leaves none for what only reads, by %s',
      async (how) => {
        expect(await CALLS[how]('SELECT label_count()')).toBeUndefined();
        expect(await CALLS[how]('SELECT now()')).toBeUndefined();
      },
    );

    it('rows, types, errors and counts are those of the text alone', async () => {
      await tokenOf(async (runner) => {
        expect(await runner.query(TYPED.sql, [7])).toEqual([TYPED.row]);
        const structured = await runner.query('SELECT label_count(), 1 AS n UNION ALL SELECT 2, 2', [], true);
        expect(structured).toMatchObject({
          ...sqlOf<object>({ postgres: { affected: 2 }, mariadb: {} }),
          records: [{ n: 1 }, { n: 2 }],
        });
        await expect(runner.query(`SELECT 1/label_count() ${WHERE} 1 = 2`)).resolves.toEqual([]);
        for (const [text, parameters, failure] of FAILURES)
          await expect(runner.query(text, parameters)).rejects.toMatchObject(failure);
        await expect(runner.query('SELECT 1 AS still')).resolves.toEqual([{ still: 1 }]);
      });
    });

    it('queries side by side on one runner get their own rows', async () => {
      await tokenOf(async (runner) => {
        const numbers = Array.from({ length: 30 }, (_, n) => n);
        const rows = await Promise.all(
          numbers.map((n) =>
            n % 3 === 0
              ? runner.query(`INSERT INTO label (text) VALUES ('${n}') RETURNING text AS n`)
              : runner.query(NUMBER_AND_CALL, [n]),
          ),
        );
        expect(rows.map(([{ n }]) => Number(n))).toEqual(numbers);
      });
    });
  });

  describe.each([
    ['observe', { routing: { mode: 'observe' } }],
    ['primary-only', { routing: { mode: 'primary-only' } }],
    ['promote', { routing: { onReplicaWrite: 'promote' } }],
    ['a session on the replica', {}],
  ] as [string, object][])('TypeORM is told what a runner does: %s', (name, more) => {
    const { db } = opened(() => servers, { cache: true, poolSize: 2, ...more });

    it('of a runner without a mode', async () => {
      await db().reading(async () => {
        const runner = db().dataSource.createQueryRunner();
        if (name === 'promote') await runner.query(INSERT);
        expect(runner.getReplicationMode()).toBe(name === 'a session on the replica' ? 'slave' : 'master');
        await runner.release();
      });
    });

    if (name !== 'a session on the replica') {
      it('the result cache stores inside the transaction, and forgets what was rolled back', async () => {
        const { dataSource } = db();
        const list = (source: Pick<DataSource, 'createQueryBuilder'>) =>
          source.createQueryBuilder(Label, 'l').cache('list', 60_000).getMany();
        const attempt = () =>
          dataSource.transaction(async (manager) => {
            await manager.insert(Label, { text: 'never' });
            expect(await list(manager as never)).toHaveLength(1);
            throw new Error('rolled back');
          });
        await db().reading(async () => {
          // As many as the pool has connections: storing takes no other one.
          const ends = await Promise.allSettled([attempt(), attempt()]);
          for (const end of ends) expect(end).toMatchObject({ reason: { message: 'rolled back' } });
        });
        expect(await db().reading(() => list(dataSource))).toEqual([]);
      });
    }
  });

  describe('handlers are known by what they are, not by their names', () => {
    const { db } = opened(() => servers, { routing: { onReplicaWrite: 'promote' } });

    function newVersion(): { list<T>(fn: () => T): T } {
      class PostsController {
        @UseSlave({ ownWrites: true })
        list<T>(fn: () => T): T {
          return fn();
        }
      }
      return new PostsController();
    }

    it('one of two classes of the same name is promoted, the other is not', async () => {
      const [first, second] = [newVersion(), newVersion()];
      const names: string[] = [];
      const stop = db().cluster.on('wroteUnderReplicaIntent', ({ handler }) => names.push(handler));
      const rolesOf = async (fn: () => Promise<unknown>) => (await db().routesOf(fn)).map(({ role }) => role);
      const write = () => db().dataSource.query(INSERT);
      const read = () => db().dataSource.getRepository(Label).count();
      await first.list(write);
      expect(await rolesOf(() => first.list(read))).toEqual(['primary']);
      expect(await rolesOf(() => second.list(read))).toEqual(['replica']);
      await second.list(write);
      stop();
      expect(names).toEqual(['PostsController.list', 'PostsController.list']);
    });

    it('a bound function runs in the unit in which it was bound, or in none', async () => {
      const selector: ConnectionSelector = db().selector;
      const roleHere = async () => {
        await db().dataSource.getRepository(Label).count();
        return selector.route?.role;
      };
      const unbound = selector.bind(roleHere);
      const bound = selector.run({ intent: 'replica' }, () =>
        selector.bind((...args: number[]) => [roleHere(), args]),
      );
      await selector.run({ intent: 'primary' }, async () => {
        const [role, args] = bound(1, 2);
        expect([await role, args]).toEqual(['replica', [1, 2]]);
        expect(await unbound()).toBeUndefined();
        expect(await roleHere()).toBe('primary');
      });
    });
  });

  /** A routed database for the tests of one `describe`, with no labels at the beginning of each. */
  function opened(given: () => PostgresCluster, more: object): { readonly db: () => RoutedDatabase } {
    let db: RoutedDatabase;
    beforeAll(async () => {
      db = await openRouted({ entities: [Author, Book, Label], more }, given());
    });
    beforeEach(async () => {
      await empty(db.dataSource, 'label');
      // By SQL: TypeORM 0.3 never gives the connection back that it clears its cache by.
      if (db.dataSource.queryResultCache) await empty(db.dataSource, CACHE_TABLE);
    });
    afterAll(() => db?.close());
    return { db: () => db };
  }
});
