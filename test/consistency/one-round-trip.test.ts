import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import {
  Column,
  DataSource,
  Entity,
  PrimaryGeneratedColumn,
  type EntityManager,
  type QueryRunner,
} from 'typeorm';
import { activeQueryOf, type PgClient, type PgDriver, type PgPool } from '../../src/engines/pg/internals.js';
import { openRouted, type RoutedDatabase } from '../typeorm/routed-database.js';
import { borrowPostgres } from '../support/borrow-postgres.js';

@Entity()
class Note {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ unique: true }) text!: string;
}

const load = createRequire(import.meta.url);
const NEWEST = load('pg') as object;
const DRIVERS = [
  ['the newest node-postgres', NEWEST],
  ['the oldest node-postgres', load('pg-oldest') as object],
] as const;

/** So that nothing but what a test does passes the link. */
const RARELY_ASKED = {
  monitor: { intervalMs: 300_000, timeoutMs: 1_000, maxLagMs: 600_000, hardMaxLagMs: 900_000 },
  consistency: { maxAgeMs: 1_300_000 },
};

type Callback = (error: unknown, result?: { readonly rows?: readonly unknown[] }) => void;

let texts = 0;
const text = (): string => `text ${(texts += 1)}`;
const DUPLICATE = `INSERT INTO note (id, text) VALUES (1000000, 'taken')`;
const INSERT = 'INSERT INTO note (text) VALUES ($1) RETURNING id, text';

describe.each(DRIVERS)(
  'an autocommit write goes out with the question for its position (%s)',
  (_name, driver) => {
    let servers: PostgresCluster;
    let link: TcpProxy;
    let db: RoutedDatabase;

    beforeAll(async () => {
      servers = await borrowPostgres({ replicas: 1 });
      link = await servers.primary.proxy();
      db = await open();
      await db.dataSource.query(SHADOWS);
      await servers.waitForReplication();
    });
    afterAll(async () => {
      await db?.close();
      await servers?.stop();
    });

    const open = (extra: object = {}, more: object = {}): Promise<RoutedDatabase> =>
      openRouted(
        {
          entities: [Note],
          more: {
            driver,
            extra,
            poolSize: 4,
            primary: { url: link.through(servers.primary.url) },
            ...RARELY_ASKED,
            ...more,
          } as object,
        },
        servers,
      );
    const using = async (extra: object, run: (other: RoutedDatabase) => Promise<void>): Promise<void> => {
      const other = await open(extra);
      try {
        await run(other);
      } finally {
        await other.close();
      }
    };

    /** What a unit of work leaves, besides its answer. */
    const writing = <T>(
      work: () => Promise<T>,
      { selector, cluster }: Pick<RoutedDatabase, 'selector' | 'cluster'> = db,
    ) =>
      selector.run({ intent: 'primary' }, async () => {
        const pins = () => cluster.stats().tokens['no-position'] ?? 0;
        const before = pins();
        const answer = await work().catch((error: Error & { code?: string }) => error);
        const isPin = pins() > before;
        return { answer, left: isPin ? 'a time pin' : (await selector.token()) ? 'a position' : 'nothing' };
      });
    const onRunner = async <T>(
      work: (runner: QueryRunner) => Promise<T>,
      { dataSource } = db,
    ): Promise<T> => {
      const runner = dataSource.createQueryRunner();
      try {
        return await work(runner);
      } finally {
        await runner.release();
      }
    };
    const poolOf = ({ dataSource } = db): PgPool =>
      (dataSource.driver as unknown as PgDriver).master as PgPool;
    /** Rows that only the statement which asked for them may get. */
    const expectOwnRows = async (of = db): Promise<void> => {
      const asked = Array.from({ length: 12 }, (_, at) => at);
      const answers = await Promise.all(
        asked.map((at) =>
          of.selector.outside(() => of.dataSource.query(`SELECT ${at} AS at, $1::int AS same`, [at])),
        ),
      );
      expect(answers).toEqual(asked.map((at) => [{ at, same: at }]));
    };

    describe('in as many round trips as plain TypeORM:', () => {
      let plain: DataSource;
      beforeAll(async () => {
        plain = await new DataSource({
          type: 'postgres',
          url: link.through(servers.primary.url),
          driver,
          entities: [Note],
        }).initialize();
      });
      afterAll(() => plain?.destroy());

      it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
        ['insert()', (manager) => manager.insert(Note, { text: text() })],
        ['insert() of many', (manager) => manager.insert(Note, [{ text: text() }, { text: text() }])],
        ['save()', (manager) => manager.save(Note, { text: text() })],
        ['update()', (manager) => manager.update(Note, { id: 1 }, { text: text() })],
        ['delete()', (manager) => manager.delete(Note, { id: 2 })],
        ['upsert()', (manager) => manager.upsert(Note, { text: text() }, ['text'])],
        ['increment()', (manager) => manager.increment(Note, { id: -1 }, 'id', 1)],
        ['a raw statement', (manager) => manager.query(`INSERT INTO note (text) VALUES ('${text()}');`)],
        ['a raw statement with values', (manager) => manager.query(INSERT, [text()])],
        ['a CTE that writes', (manager) => manager.query(`WITH n AS (${INSERT}) SELECT id FROM n`, [text()])],
        [
          'a statement that fails',
          (manager) => manager.query('INSERT INTO note (id) VALUES (1)').catch(() => 1),
        ],
      ])('%s', async (_what, work) => {
        const tripsOf = async (manager: EntityManager): Promise<number> => {
          const trips: number[] = [];
          while (trips.length < 4) {
            const before = link.roundTrips;
            await work(manager);
            trips.push(link.roundTrips - before);
          }
          return Math.min(...trips); // some of them open a connection
        };
        const expected = await tripsOf(plain.manager);
        expect(expected).toBeGreaterThan(0);
        const { answer } = await writing(() => tripsOf(db.dataSource.manager));
        expect(answer).toBe(expected);
      });
    });

    it.each(['on', 'off'])('and its position covers it (synchronous_commit=%s)', async (setting) => {
      await servers.primary.query(`ALTER DATABASE postgres SET synchronous_commit = ${setting}`);
      await using({}, async (other) => {
        await Promise.all(
          Array.from({ length: 8 }, async () => {
            for (let round = 0; round < 15; round += 1) {
              const written = text();
              const { answer, left } = await writing(async () => {
                await other.dataSource.manager.insert(Note, { text: written });
                await other.cluster.whenReplayed(await other.selector.token(), { timeoutMs: 10_000 });
                return servers.replicas[0]?.query('SELECT text FROM note WHERE text = $1', [written]);
              }, other);
              expect([answer, left]).toEqual([[{ text: written }], 'a position']);
            }
          }),
        );
      });
      await servers.primary.query('ALTER DATABASE postgres RESET synchronous_commit');
    });

    /** Runs with connections whose client has something of its own around `query`. */
    const around = async (
      wrap: (send: () => unknown, sent: { text?: string; callback?: Callback }) => unknown,
      run: (other: RoutedDatabase) => Promise<void>,
    ): Promise<void> => {
      const { prototype } = (driver as { readonly Client: { readonly prototype: PgClient } }).Client;
      const { query } = prototype;
      prototype.query = function (this: PgClient, ...args: [{ text?: string } | string]) {
        const [sent] = args;
        return wrap(() => query.apply(this, args), typeof sent === 'string' ? { text: sent } : sent);
      };
      try {
        await using({}, run);
      } finally {
        prototype.query = query;
      }
    };

    it('and where many writes wait for one another, some of them share a question that covers them', async () => {
      await servers.primary.query(SLOW_LINE);
      let questions = 0;
      const count = (send: () => unknown, { text: sent }: { text?: string }): unknown => {
        if (sent?.includes('pg_current_wal_insert_lsn()::text')) questions += 1;
        return send();
      };
      const write = async (other: RoutedDatabase, rounds: number): Promise<unknown[]> => {
        const results: unknown[] = [];
        for (let round = 0; round < rounds; round += 1) {
          const own = `line ${text()}`;
          const { answer, left } = await writing(async () => {
            await other.dataSource.manager.insert(Note, { text: own });
            await other.cluster.whenReplayed(await other.selector.token(), { timeoutMs: 20_000 });
            return servers.replicas[0]?.query('SELECT 1 AS seen FROM note WHERE text = $1', [own]);
          }, other);
          results.push([answer, left]);
        }
        return results;
      };
      await around(count, async (other) => {
        const written = (await Promise.all(Array.from({ length: 64 }, () => write(other, 3)))).flat();
        expect(written).toEqual(written.map(() => [[{ seen: 1 }], 'a position']));
        expect(questions).toBeGreaterThan(0);
        expect(questions).toBeLessThan(written.length);
      });
      await servers.primary.query('DROP TRIGGER line ON note');
    });

    it('and has its position whatever is done around the client with the callback of the question', async () => {
      const seen: unknown[] = [];
      const defer: Parameters<typeof around>[0] = (send, sent) => {
        const { text: asked = '', callback } = sent;
        if (asked.includes('pg_current_wal_insert_lsn()') && callback)
          sent.callback = (error, result) => {
            seen.push(result?.rows?.length);
            setImmediate(callback, error);
          };
        return send();
      };
      await around(defer, async (other) => {
        for (let round = 0; round < 3; round += 1) {
          const insert = () => other.dataSource.query(INSERT, [text()]);
          expect((await writing(insert, other)).left).toBe('a position');
          const save = () => other.dataSource.manager.save(Note, { text: text() });
          expect((await writing(save, other)).left).toBe('a position');
        }
        expect(seen.length).toBeGreaterThan(5);
        expect(new Set(seen)).toEqual(new Set([0]));
        await expectOwnRows(other);
      });
    });

    it('and has its position and its answer where something around the client holds it back', async () => {
      const holdBack: Parameters<typeof around>[0] = (send, { text: sent = '' }) =>
        sent.startsWith('INSERT') ? void setImmediate(send) : send();
      await around(holdBack, async (other) => {
        for (let round = 0; round < 5; round += 1) {
          const own = text();
          const insert = () => other.dataSource.query(INSERT, [own]);
          const { answer, left } = await writing(insert, other);
          expect([answer, left]).toEqual([[{ id: expect.anything(), text: own }], 'a position']);
          const again = await writing(insert, other);
          expect([again.answer, again.left]).toMatchObject([{ code: '23505' }, 'nothing']);
        }
        await expectOwnRows(other);
      });
    });

    it('and nothing of it goes wrong where something around the client throws in its place', async () => {
      let isBroken = false;
      const fail: Parameters<typeof around>[0] = (send, { text: sent = '' }) => {
        if (isBroken && sent.startsWith('INSERT')) throw new Error('by a wrapper');
        return send();
      };
      await around(fail, async (other) => {
        isBroken = true;
        const insert = () => other.dataSource.query(INSERT, [text()]);
        const { answer, left } = await writing(insert, other);
        expect([answer, left]).toMatchObject([{ message: 'by a wrapper' }, expect.any(String)]);
        isBroken = false;
        expect((await writing(insert, other)).left).toBe('a position');
        await expectOwnRows(other);
      });
    });

    it('parallel queries on one runner get their own rows, whatever stands beside them', async () => {
      for (let round = 0; round < 25; round += 1) {
        const { answer, left } = await writing(() =>
          onRunner(async (runner) => {
            const taken = text();
            await runner.query(INSERT, [taken]);
            const kinds = Array.from({ length: 8 }, (_, at) => (round * 7 + at * (1 + (round % 5))) % 5);
            const queries = kinds.map(async (kind, at) => {
              if (kind === 0)
                return runner.query('SELECT $1::int AS at', [at]).then(([row]) => row.at === at);
              if (kind === 1) return runner.query(INSERT, [taken]).catch((error) => error.code === '23505');
              if (kind === 2)
                return runner
                  .query(`UPDATE note SET text = text WHERE text = '${taken}'`)
                  .then(([, count]) => count === 1);
              const own = text();
              return runner.query(INSERT, [own]).then(([row]) => row.text === own);
            });
            return Promise.all(queries);
          }),
        );
        expect(answer).toEqual(Array.from({ length: 8 }, () => true));
        expect(left).toBe('a position');
      }
      await expectOwnRows();
    });

    it('nothing is asked inside of a transaction that a parallel query begins', async () => {
      const written = text();
      const { answer, left } = await shadowed('failing', (runner) =>
        Promise.all([
          runner.query('BEGIN'),
          runner.query(INSERT, [written]),
          runner.query('SELECT text FROM note WHERE text = $1', [written]),
          runner.query('ROLLBACK'),
        ]),
      );
      const row = expect.objectContaining({ text: written });
      expect(answer).toEqual([expect.anything(), [row], [row], expect.anything()]);
      expect(left).toBe('nothing');
    });

    it.each<[string, unknown]>([
      ['a value that cannot be serialised', [{ toPostgres: () => fail('not this one') }]],
      ['values that are no list', 'values'],
    ])('%s fails as with plain TypeORM, and nothing else does', async (_what, values) => {
      const { answer } = await writing(() =>
        onRunner(async (runner) => ((await runner.connect()) as PgClient).query(INSERT, values)),
      );
      expect(answer).toMatchObject({ message: expect.stringMatching(/not this one|must be an array/) });
      await waitUntil(() => poolOf().totalCount === poolOf().idleCount, { timeoutMs: 5_000 });
      await expectOwnRows();
    });

    describe('when the question', () => {
      const insert = (runner: QueryRunner): Promise<unknown> => runner.query(INSERT, [text()]);
      const row = { id: expect.any(Number), text: expect.any(String) };
      /** Fails. It goes on once the server is at the question: a session that may be ending is not used again. */
      const writeTwice = async (runner: QueryRunner): Promise<never> => {
        const client = (await runner.connect()) as PgClient;
        const error: unknown = await runner.query(DUPLICATE).catch((caught: unknown) => caught);
        await waitUntil(() => activeQueryOf(client) !== undefined, { intervalMs: 1 });
        throw error;
      };

      it('fails, the write stands, and time serves', async () => {
        expect(await shadowed('failing', insert)).toMatchObject({ answer: [row], left: 'a time pin' });
        await expectOwnRows();
      });

      it('ends the session, the write stands, and the connection is not used again', async () => {
        expect(await shadowed('ending', insert)).toMatchObject({ answer: [row], left: 'a time pin' });
        await expectOwnRows();
      });

      it('takes longer than query_timeout, it is waited for', async () => {
        await using({ query_timeout: 1_000 }, async (other) => {
          expect(await shadowed('slower', insert, other)).toMatchObject({
            answer: [row],
            left: 'a position',
          });
          await expectOwnRows(other);
        });
      });

      it('is slow, a failed write does not wait for it, and the connection comes back with its answer', async () => {
        const { answer, backend } = await shadowed('slow', writeTwice);
        expect(answer).toMatchObject({ code: '23505' });
        const pool = poolOf();
        expect(pool.idleCount).toBe(pool.totalCount - 1);
        await waitUntil(() => pool.idleCount === pool.totalCount, { timeoutMs: 5_000 });
        expect(await backends()).toContain(backend);
        await expectOwnRows();
      });

      it('is not answered soon, the connection of a failed write is destroyed', async () => {
        const { answer, backend } = await shadowed('hanging', writeTwice);
        expect(answer).toMatchObject({ code: '23505' });
        const pool = poolOf();
        expect(pool.idleCount).toBe(pool.totalCount - 1);
        await waitUntil(() => pool.idleCount === pool.totalCount, { timeoutMs: 5_000 });
        expect(pool._idle?.map(({ client }) => client.processID)).not.toContain(backend);
        await servers.primary.query(`SELECT pg_terminate_backend(${backend})`);
        await expectOwnRows();
      });
    });

    it('a lock that is waited for longer than query_timeout fails the write, and leaves a time pin', async () => {
      await using({ query_timeout: 1_000 }, async (other) => {
        await onRunner(async (holder) => {
          await holder.startTransaction();
          await holder.query('LOCK TABLE note IN EXCLUSIVE MODE');
          const { answer, left } = await writing(() => other.dataSource.query(INSERT, [text()]), other);
          expect([(answer as Error).message, left]).toEqual(['Query read timeout', 'a time pin']);
          await holder.rollbackTransaction();
        });
        await expectOwnRows(other);
      });
    });

    it('a connection that is cut before the answer leaves a time pin', async () => {
      const cut = await servers.primary.proxy();
      const primary = { url: cut.through(servers.primary.url) };
      const other = await open({}, { primary, monitor: { intervalMs: 1_000, timeoutMs: 1_000 } });
      const { answer, left } = await writing(
        () =>
          onRunner(async (runner) => {
            await runner.query('SELECT 1');
            cut.stall();
            const write = runner.query(INSERT, [text()]);
            cut.resetConnections();
            cut.resume();
            return write;
          }, other),
        other,
      );
      expect((answer as Error).message).toMatch(/terminated|ECONNRESET/);
      expect(left).toBe('a time pin');
      await waitUntil(() =>
        expectOwnRows(other).then(
          () => true,
          () => false,
        ),
      );
      await other.close();
    });

    it('an error says who has asked', async () => {
      const { answer } = await writing(() => db.dataSource.query('INSERT INTO note (id) VALUES (1)'));
      const { driverError } = answer as unknown as { driverError: Error };
      expect(driverError.stack).toMatch(/PostgresQueryRunner\.query/);
    });

    if (driver === NEWEST) {
      it('where node-postgres pipelines by itself, positions are taken as before', async () => {
        await using({ pipeline: true }, async (other) => {
          const written = await Promise.all(
            Array.from({ length: 12 }, () =>
              writing(() => other.dataSource.manager.insert(Note, { text: text() }), other),
            ),
          );
          expect(written.map(({ left }) => left)).toEqual(written.map(() => 'a position'));
          await expectOwnRows(other);
        });
      });
    }

    /** Writes where something else stands in the place of the function that tells the position. */
    async function shadowed(by: Shadow, work: (runner: QueryRunner) => Promise<unknown>, of = db) {
      // A runner made outside of any unit writes for the unit that uses it, and what it is told before is no write.
      const runner = of.dataSource.createQueryRunner();
      try {
        const [{ pid }] = await runner.query('SELECT pg_backend_pid() AS pid');
        // In a block, since a session that is known to be changed is not used again.
        await runner.query(`DO $$ BEGIN EXECUTE 'SET search_path = ${by}, pg_catalog, public'; END $$`);
        return { backend: pid as number, ...(await writing(() => work(runner), of)) };
      } finally {
        await runner.release();
      }
    }

    async function backends(): Promise<readonly number[]> {
      const rows = await servers.primary.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
      return rows.map(({ pid }) => Number(pid));
    }
  },
);

function fail(message: string): never {
  throw new Error(message);
}

/** Stand in the place of the function that tells the position. */
type Shadow = 'failing' | 'ending' | 'slow' | 'slower' | 'hanging';

/** One after the other, a while each. */
const SLOW_LINE = `CREATE OR REPLACE FUNCTION line() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN PERFORM pg_advisory_xact_lock(7); PERFORM pg_sleep(0.002); RETURN NEW; END $$;
  CREATE TRIGGER line BEFORE INSERT ON note FOR EACH ROW WHEN (NEW.text LIKE 'line %') EXECUTE FUNCTION line();`;

const shadow = (name: Shadow, body: string): string =>
  `CREATE SCHEMA ${name}; CREATE FUNCTION ${name}.pg_current_wal_insert_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$
   BEGIN ${body}; RETURN pg_catalog.pg_current_wal_insert_lsn(); END $$;`;

const SHADOWS = [
  `${DUPLICATE};`,
  shadow('failing', `RAISE 'no position'`),
  shadow('ending', 'PERFORM pg_terminate_backend(pg_backend_pid())'),
  shadow('slow', 'PERFORM pg_sleep(0.6)'),
  shadow('slower', 'PERFORM pg_sleep(1.6)'),
  shadow('hanging', 'PERFORM pg_sleep(60)'),
].join('\n');
