import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionSelector, UseSlave } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { CACHE_TABLE, empty, startCluster } from '../database.js';
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
              await send(runner, 'SELECT 1/0');
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

      it.each([
        ["SET application_name = 'mine'", "current_setting('application_name')"],
        ["SELECT set_config('application_name', 'mine', false)", "current_setting('application_name')"],
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
        [
          "UPDATE pg_settings SET setting = 'mine' WHERE name = 'application_name'",
          "current_setting('application_name')",
        ],
        ['DECLARE mine CURSOR WITH HOLD FOR SELECT 1', '(SELECT count(*) FROM pg_cursors WHERE is_holdable)'],
      ])('the next borrower does not get a session with %s', async (change, value) => {
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
        const pids = await nextFinds('SELECT pg_backend_pid() AS pid');
        for (const door of [inGet, inPost]) {
          await door(async (runner) => {
            await runner.startTransaction('REPEATABLE READ');
            await runner.query("SET LOCAL application_name = 'mine'");
            await runner.query("SELECT set_config('application_name', 'mine', true)");
            await runner.commitTransaction();
          });
        }
        const after = await nextFinds('SELECT pg_backend_pid() AS pid');
        expect(after[1]).toEqual(pids[1]);
        if (onReplicaWrite === 'reject') expect(after[0]).toEqual(pids[0]);
      });
    },
  );

  describe('what functions write', () => {
    const { db } = opened(() => servers, {});
    beforeAll(async () => {
      await db().dataSource.query(
        `CREATE FUNCTION label_new() RETURNS SETOF int LANGUAGE sql AS $$ ${INSERT} RETURNING id $$`,
      );
      // VOLATILE, as functions are when nobody says otherwise.
      await db().dataSource.query(
        'CREATE FUNCTION label_count() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM label $$',
      );
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
      parameters: (sql: string) => tokenOf((runner) => runner.query(`${sql} WHERE $1`, [true])),
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
        const raw = await runner.query(
          `SELECT $1::int AS n, now() AS at, '{"a":1}'::jsonb AS doc, true AS b`,
          [7],
        );
        expect(raw).toEqual([{ n: 7, at: expect.any(Date), doc: { a: 1 }, b: true }]);
        const structured = await runner.query('SELECT label_count(), 1 AS n UNION ALL SELECT 2, 2', [], true);
        expect(structured).toMatchObject({ affected: 2, records: [{ n: 1 }, { n: 2 }] });
        await expect(runner.query('SELECT 1/label_count() WHERE 1 = 2')).resolves.toEqual([]);
        await expect(runner.query('SELECT missing()')).rejects.toMatchObject({
          code: '42883',
          position: '8',
        });
        await expect(runner.query('SELECT $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' });
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
              : runner.query(`SELECT $1::text AS n, label_count()`, [n]),
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
