import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { Injectable, StreamableFile, type CanActivate } from '@nestjs/common';
import pg from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { Note } from '../support/note.js';
import { Notebook, rawOf, readNotes, writeNote, type Platform, type Work } from './notebook.js';

describe.each<Platform>(['express', 'fastify'])('capturing the position of a write (%s)', (platform) => {
  let postgres: PostgresCluster;
  let notebook: Notebook;

  beforeAll(async () => {
    postgres = await borrowPostgres({ replicas: 1 });
    await asOwner(postgres, SCHEMA);
    await postgres.waitForReplication();
    notebook = await Notebook.open({ postgres, platform });
  });
  afterAll(async () => {
    await notebook?.close();
    await postgres?.stop();
  });

  /** What the work of a POST has left behind. */
  async function left(work: Work, place?: 'raw'): Promise<string> {
    const visitor = notebook.visitor();
    const { answer, tokens } = await notebook.counting(() => visitor.post(work, place && { place }));
    if (answer.tokens.length === 0) return 'nothing';
    return tokens['no-position'] ? 'a time pin' : 'a position';
  }

  const inTransaction =
    (work: (runner: QueryRunner) => Promise<unknown>): Work =>
    async ({ db }) => {
      const runner = db.createQueryRunner();
      try {
        await runner.startTransaction();
        await work(runner);
        if (runner.isTransactionActive) await runner.commitTransaction();
      } catch (error) {
        if (runner.isTransactionActive) await runner.rollbackTransaction();
        throw error;
      } finally {
        await runner.release();
      }
      return 'done';
    };
  const insert = `INSERT INTO note (text) VALUES ('x')`;

  describe('is done for', () => {
    it.each<[string, Work]>([
      ['save()', ({ db }) => db.getRepository(Note).save({ text: 'a' })],
      ['insert()', writeNote],
      ['update()', ({ db }) => db.getRepository(Note).update({ id: 1 }, { text: 'b' })],
      ['delete()', ({ db }) => db.getRepository(Note).delete({ id: -1 })],
      [
        'an insert builder',
        ({ db }) =>
          db
            .createQueryBuilder()
            .insert()
            .into(Note)
            .values({ text: 'q' })
            .execute()
            .then(() => 1),
      ],
      [
        'an update builder',
        ({ db }) =>
          db
            .createQueryBuilder()
            .update(Note)
            .set({ text: 'q' })
            .where('id = 1')
            .execute()
            .then(() => 1),
      ],
      ['a raw statement', ({ db }) => db.query(insert)],
      ['a raw statement with parameters', ({ db }) => db.query('INSERT INTO note (text) VALUES ($1)', ['p'])],
      ['a raw SELECT of a function that writes', ({ db }) => db.query('SELECT add_note()')],
      ['a procedure that commits', ({ db }) => db.query('CALL add_and_commit()')],
      ['a CTE that writes', ({ db }) => db.query(`WITH n AS (${insert} RETURNING id) SELECT * FROM n`)],
      ['several statements in one text', ({ db }) => db.query(`SELECT 1; ${insert}; SELECT 2`)],
      ['BEGIN and COMMIT in one text', ({ db }) => db.query(`BEGIN; ${insert}; COMMIT; SELECT 1`)],
      ['a transaction', ({ db }) => db.transaction((manager) => manager.insert(Note, { text: 't' }))],
      [
        'a save() in a transaction',
        ({ db }) => db.transaction((manager) => manager.save(Note, { text: 't' })),
      ],
      [
        'a savepoint that is kept',
        ({ db }) =>
          db.transaction((outer) => outer.transaction((inner) => inner.insert(Note, { text: 's' }))),
      ],
      [
        'a savepoint that is rolled back, beside a write that is not',
        ({ db }) =>
          db.transaction(async (outer) => {
            await outer.insert(Note, { text: 'kept' });
            await outer
              .transaction((inner) => fail(inner.insert(Note, { text: 's' })))
              .catch(() => undefined);
          }),
      ],
      ['BEGIN and COMMIT by hand', ({ db }) => onOneRunner(db, ['BEGIN', insert, 'COMMIT'])],
      ['END by hand', ({ db }) => onOneRunner(db, ['begin', insert, ' end; '])],
      ['COMMIT AND CHAIN', ({ db }) => onOneRunner(db, ['BEGIN', insert, 'COMMIT AND CHAIN', 'ROLLBACK'])],
      ['a chained transaction', ({ db }) => onOneRunner(db, ['BEGIN', 'COMMIT AND CHAIN', insert, 'COMMIT'])],
      [
        'COMMIT PREPARED',
        ({ db }) => onOneRunner(db, ['BEGIN', insert, `PREPARE TRANSACTION 'p1'`, `COMMIT PREPARED 'p1'`]),
      ],
      ['DDL', ({ db }) => db.query('CREATE TABLE IF NOT EXISTS ddl (id int)')],
      ['a query object', async ({ db }) => withClient(db, (client) => client.query({ text: insert }))],
      [
        'a function called by the client itself',
        ({ db }) => withClient(db, (client) => client.query('SELECT add_note()')),
      ],
      [
        'a cursor over a function that writes',
        ({ db }) =>
          onOneRunner(db, ['BEGIN', 'DECLARE c CURSOR FOR SELECT add_note()', 'FETCH ALL FROM c', 'COMMIT']),
      ],
      [
        'a CTE of a builder that writes, behind a comment',
        ({ db }) =>
          db
            .createQueryBuilder()
            .comment('why')
            .addCommonTableExpression(`${insert} RETURNING id`, 'n')
            .select('n.id', 'id')
            .from('n', 'n')
            .getRawMany(),
      ],
      [
        'a savepoint rolled back among several statements, behind a write',
        ({ db }) => onOneRunner(db, ['BEGIN', insert, 'SAVEPOINT a; ROLLBACK TO a', 'COMMIT']),
      ],
      [
        'a stream that writes, in a transaction',
        ({ db }) =>
          db.transaction(async ({ queryRunner }) => {
            for await (const row of (await queryRunner?.stream(`${insert} RETURNING id`)) ?? []) void row;
          }),
      ],
      ["createQueryRunner('master')", ({ db }) => onOneRunner(db, [insert], 'master')],
      [
        'a query with a callback',
        async ({ db }) =>
          withClient(
            db,
            (client) =>
              new Promise((resolve, reject) =>
                client.query(insert, (error: unknown) => (error ? reject(error) : resolve(1))),
              ),
          ),
      ],
      [
        'two queries at a time on one runner',
        ({ db }) =>
          db.transaction((manager) =>
            Promise.all([manager.query('SELECT add_note()'), manager.find(Note)]).then(() => 1),
          ),
      ],
    ])('%s', async (_what, work) => {
      expect(await left(work)).toBe('a position');
    });

    it('a handler that throws after its commit', async () => {
      const visitor = notebook.visitor();
      const answer = await visitor.post(async (desk) => {
        await writeNote(desk);
        throw new Error('after the commit');
      });
      expect([answer.status, answer.tokens.length]).toEqual([500, 1]);
    });

    it('a GET that may write', async () => {
      const work: Work = ({ db, selector }) => selector.usePrimary(() => db.query(insert));
      const answer = await notebook.visitor().get(work);
      expect(answer.tokens).toHaveLength(1);
    });

    it('a query runner made outside of any unit, which writes for the unit that uses it', async () => {
      const runner = notebook.db.createQueryRunner();
      try {
        const visitor = notebook.visitor();
        const answer = await visitor.post(async ({ selector }) => {
          await runner.startTransaction();
          await runner.query(insert);
          await runner.commitTransaction();
          await notebook.db.getRepository(Note).count();
          return selector.route?.reason;
        });
        expect([answer.tokens.length, answer.status]).toEqual([1, 200]);
        const outside = await visitor.post(({ selector }) => selector.outside(() => runner.query(insert)));
        expect(outside.tokens).toEqual([]);
      } finally {
        await runner.release();
      }
    });

    it('work nested in a unit of its own', async () => {
      expect(
        await left(({ db, selector }) => selector.run({ intent: 'primary' }, () => db.query(insert))),
      ).toBe('a position');
    });

    it.each<[string, Work]>([
      [
        '@Res()',
        (desk) => writeThen(desk, () => (desk.response as { send(body: string): void }).send('sent')),
      ],
      [
        'a redirect',
        (desk) => writeThen(desk, () => (desk.response as { redirect(to: string): void }).redirect('/')),
      ],
      ['res.end()', (desk) => writeThen(desk, () => rawOf(desk.response).end('raw'))],
    ])('a response by %s', async (_what, work) => {
      expect(await left(work, 'raw')).toBe('a position');
    });

    it('a streamed file', async () => {
      expect(await left((desk) => writeThen(desk, () => new StreamableFile(Readable.from(['a', 'b']))))).toBe(
        'a position',
      );
    });

    it.each<[string, Work]>([
      ['a transaction', ({ db }) => db.getRepository(Note).save({ text: 'a' })],
      ['a statement', writeNote],
    ])('%s of an application that has positions parsed into numbers', async (_what, work) => {
      pg.types.setTypeParser(PG_LSN, () => 1n);
      try {
        expect(await left(work)).toBe('a position');
      } finally {
        pg.types.setTypeParser(PG_LSN, String);
      }
    });

    it('synchronous_commit=off', async () => {
      const work = inTransaction(async (runner) => {
        await runner.query('SET LOCAL synchronous_commit = off');
        await runner.query(insert);
      });
      expect(await left(work)).toBe('a position');
    });
  });

  describe('leaves nothing for', () => {
    it.each<[string, Work]>([
      ['reads', readNotes],
      ['a transaction that only read', ({ db }) => db.transaction((manager) => manager.find(Note))],
      [
        'a stream that only read',
        async ({ db }) => {
          const rows = await db.getRepository(Note).createQueryBuilder('note').stream();
          for await (const row of rows) void row;
        },
      ],
      [
        'a transaction that was rolled back',
        ({ db }) =>
          db.transaction((manager) => fail(manager.insert(Note, { text: 'r' }))).catch(() => 'rolled back'),
      ],
      ['ROLLBACK by hand', ({ db }) => onOneRunner(db, ['BEGIN', insert, 'ROLLBACK'])],
      ['BEGIN and ROLLBACK in one text', ({ db }) => db.query(`BEGIN; ${insert}; ROLLBACK`)],
      [
        'a failed statement',
        ({ db }) => db.query('INSERT INTO note (id, text) VALUES (1, 1/0)').catch(() => 1),
      ],
      [
        'a transaction prepared and rolled back',
        ({ db }) => onOneRunner(db, ['BEGIN', insert, `PREPARE TRANSACTION 'p2'`, `ROLLBACK PREPARED 'p2'`]),
      ],
      [
        'settings',
        ({ db }) => onOneRunner(db, [`SET work_mem = '4MB'`, 'RESET work_mem', 'LISTEN a', 'UNLISTEN a']),
      ],
      ['work outside of a unit', ({ db, selector }) => selector.outside(() => db.query(insert))],
    ])('%s', async (_what, work) => {
      expect(await left(work)).toBe('nothing');
    });

    it('COMMIT of an aborted transaction, which the server answers with ROLLBACK and no error', async () => {
      const work = inTransaction(async (runner) => {
        await runner.query(insert);
        await runner.query('SELECT 1/0').catch(() => undefined);
      });
      expect(await left(work)).toBe('nothing');
    });

    it('COMMIT that a deferred constraint refuses; the error stays what it was', async () => {
      let error: { code?: string; name?: string } = {};
      const work: Work = async ({ db }) => {
        await db
          .transaction((manager) => manager.query('INSERT INTO child (parent) VALUES (-1)'))
          .catch((caught: object) => (error = caught));
      };
      expect(await left(work)).toBe('nothing');
      expect([error.name, error.code]).toEqual(['QueryFailedError', '23503']);
      const plain = await withPlain(postgres, (db) =>
        db
          .transaction((manager) => manager.query('INSERT INTO child (parent) VALUES (-1)'))
          .catch((caught: object) => caught),
      );
      expect(Object.keys(error).toSorted()).toEqual(Object.keys(plain as object).toSorted());
    });
  });

  it('a function called in a stream, at its end', async () => {
    const work: Work = async ({ db }) => {
      const runner = db.createQueryRunner();
      try {
        for await (const row of await runner.stream('SELECT add_note()')) void row;
      } finally {
        await runner.release();
      }
    };
    expect(await left(work)).toBe('a position');
  });

  describe('pins by time', () => {
    it('a stream on a writable session, whose end is not seen', async () => {
      const work: Work = ({ db }) =>
        withClient(db, (client) => once(client.query(new pg.Query(insert) as never) as never, 'end'));
      expect(await left(work)).toBe('a time pin');
    });

    it.each<[string, Work]>([
      [
        'a query object with a callback of its own',
        ({ db }) =>
          withClient(
            db,
            (client) => new Promise((resolve) => client.query({ text: insert, callback: resolve })),
          ),
      ],
    ])('%s', async (_what, work) => {
      expect(await left(work)).toBe('a time pin');
    });

    it('an autocommit write whose connection is lost', async () => {
      const work: Work = ({ db }) =>
        db
          .query(`WITH n AS (${insert} RETURNING 1) SELECT pg_terminate_backend(pg_backend_pid()) FROM n`)
          .catch(() => 1);
      expect(await left(work)).toBe('a time pin');
    });

    it.each<[string, (runner: QueryRunner) => Promise<unknown>]>([
      ['COMMIT', (runner) => runner.commitTransaction()],
      ['COMMIT AND CHAIN', (runner) => runner.query('COMMIT AND CHAIN')],
      ['COMMIT behind a comment', (runner) => runner.query('-- why\nCOMMIT')],
    ])('a %s whose connection is lost before the answer', async (_what, end) => {
      const proxy = await postgres.primary.proxy();
      const far = await Notebook.open({
        postgres,
        platform,
        options: { primary: { url: proxy.through(postgres.primary.url) } },
      });
      try {
        let error: Error | undefined;
        const { answer, tokens } = await far.counting(() =>
          far.visitor().post(async ({ db }) => {
            const runner = db.createQueryRunner();
            await runner.startTransaction();
            await runner.query(insert);
            proxy.stall();
            const commit = end(runner).catch((caught: Error) => (error = caught));
            proxy.resetConnections();
            await commit;
            proxy.resume();
            await runner.release();
            return 'done';
          }),
        );
        expect(error?.message).toMatch(/terminated|ECONNRESET/);
        expect([answer.tokens.length, tokens['no-position']]).toEqual([1, 1]);
      } finally {
        await far.close();
      }
    });

    it('a COMMIT during which the server ends the session', async () => {
      const [known] = await postgres.primary.query(
        `SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'`,
      );
      if (!known) return; // before PostgreSQL 17
      let error: { readonly code?: string } = {};
      const work: Work = ({ db }) =>
        db
          .transaction(async (manager) => {
            await manager.query(`SET LOCAL transaction_timeout = '200ms'`);
            await manager.query(`INSERT INTO slow (text) VALUES ('x')`);
          })
          .catch((caught: object) => (error = caught))
          .then(() => 'done');
      expect(await left(work)).toBe('a time pin');
      expect(error.code).toBe('25P04');
    });

    it('a COMMIT that runs into query_timeout', async () => {
      const far = await Notebook.open({
        postgres,
        platform,
        options: { extra: { query_timeout: 150 } } as never,
      });
      try {
        let error: Error | undefined;
        const { answer, tokens } = await far.counting(() =>
          far.visitor().post(({ db }) =>
            db
              .transaction((manager) => manager.query(`INSERT INTO slow (text) VALUES ('x')`))
              .catch((caught: Error) => (error = caught))
              .then(() => 'done'),
          ),
        );
        expect(error?.message).toBe('Query read timeout');
        expect([answer.tokens.length, tokens['no-position']]).toEqual([1, 1]);
      } finally {
        await far.close();
      }
    });
  });

  it('changes no result, no event and no logged query of TypeORM', async () => {
    const script = async (db: DataSource): Promise<unknown[]> => {
      const results: unknown[] = [];
      const keep = async (work: Promise<unknown>) => {
        const result = await work.catch((error: { name: string; code?: string }) => [error.name, error.code]);
        results.push(
          JSON.parse(
            JSON.stringify(result, (key, value) => (key === 'id' ? 0 : (value as unknown))) ?? 'null',
          ),
        );
      };
      const events: unknown[] = [];
      (db.subscribers as unknown[]).push({
        afterQuery: ({
          query,
          success,
          rawResults,
        }: {
          query: string;
          success: boolean;
          rawResults?: { command?: string };
        }) => void events.push([query, success, rawResults?.command]),
        afterTransactionCommit: () => void events.push('committed'),
        afterTransactionRollback: () => void events.push('rolled back'),
      });
      await keep(db.getRepository(Note).insert({ text: 'i' }));
      await keep(db.getRepository(Note).update({ id: -1 }, { text: 'u' }));
      await keep(db.query(`UPDATE note SET text = 'v' WHERE id = -1`));
      await keep(db.query('SELECT add_note() > 0 AS added'));
      await keep(db.query('COMMIT'));
      await keep(db.transaction((manager) => manager.save(Note, { text: 's' })));
      await keep(db.transaction((manager) => manager.query('INSERT INTO child (parent) VALUES (-1)')));
      await keep(db.transaction((manager) => manager.query('SELECT 1/0')));
      await keep(db.query('SELECT nothing FROM nowhere'));
      (db.subscribers as unknown[]).pop();
      return [...results, ...events];
    };
    let observed: unknown[] = [];
    await notebook.visitor().post(async ({ db }) => {
      observed = await script(db);
    });
    expect(observed.length).toBeGreaterThan(25);
    expect(observed).toEqual(await withPlain(postgres, script));
  });

  describe('at the boundaries of the log', () => {
    it('replicas reach the position of commits that end where a page of the log ends', async () => {
      const { selector, cluster } = notebook;
      let hits = 0;
      for (let attempt = 0; attempt < 200 && hits < 5; attempt++) {
        await fillPage(postgres, 8 * ((attempt % 17) - 8));
        const token = await selector.run({ intent: 'primary' }, async () => {
          await notebook.db.query(FIXED_WRITE);
          return selector.token();
        });
        // Behind the header of a page that is not written yet: what the server says where no record can end.
        if ((await insertPosition(postgres)) % 8_192 !== 24) continue;
        hits++;
        await cluster.whenReplayed(token, { timeoutMs: 4_000 });
      }
      console.log(`commits that ended with a page: ${hits}`);
      expect(hits).toBe(5);
    });

    it('and of one right after the start of a segment', async () => {
      const { selector, cluster } = notebook;
      for (let segment = 0; segment < 5; segment++) {
        const token = await selector.run({ intent: 'primary' }, async () => {
          await notebook.db.transaction((manager) => manager.insert(Note, { text: 'before' }));
          await postgres.primary.query('SELECT pg_switch_wal()');
          await notebook.db.transaction((manager) => manager.insert(Note, { text: 'after' }));
          return selector.token();
        });
        await cluster.whenReplayed(token, { timeoutMs: 4_000 });
      }
    });
  });

  describe('and reading with it', () => {
    beforeEach(() => postgres.waitForReplication());

    it('shows what a function wrote that a builder called', async () => {
      const [replica] = postgres.replicas;
      await replica?.pauseReplay();
      try {
        const visitor = notebook.visitor();
        const { body } = await visitor.post(({ db }) =>
          db.createQueryBuilder().select('add_note()', 'id').fromDummy().getRawOne(),
        );
        const { id } = body as { id: number };
        const own = await visitor.get(({ db }) => db.getRepository(Note).findBy({ id }));
        expect([own.route, own.body]).toEqual([
          'primary; reason=behind-token',
          [{ id, text: expect.any(String) }],
        ]);
      } finally {
        await replica?.resumeReplay();
      }
    });

    it('shows the write while replay stands still, to its client only', async () => {
      const [replica] = postgres.replicas;
      await replica?.pauseReplay();
      try {
        const visitor = notebook.visitor();
        await visitor.post(({ db }) => db.getRepository(Note).insert({ text: 'paused' }));
        const own = await visitor.get(readNotes);
        const others = await notebook.visitor().get(readNotes);
        expect(own.route).toBe('primary; reason=behind-token');
        expect(JSON.stringify(own.body)).toContain('"paused"');
        expect(others.route).toBe('replica-1; reason=read-method');
        expect(JSON.stringify(others.body)).not.toContain('"paused"');
        await replica?.resumeReplay();
        await waitUntil(async () => (await visitor.get(readNotes)).route === 'replica-1; reason=read-method');
      } finally {
        await replica?.resumeReplay();
      }
    });
  });

  it('counts writes of guards', async () => {
    const guarded = await Notebook.open({
      postgres,
      platform,
      prepare: (app) => app.useGlobalGuards(new WritingGuard(() => app.get(DataSource))),
    });
    try {
      expect((await guarded.visitor().post(() => 'nothing')).tokens).toHaveLength(1);
    } finally {
      await guarded.close();
    }
  });

  // At the end, since a monitor that was refused asks for the role only, for a while.
  describe('where the position must not be asked for', () => {
    const lines: string[] = [];
    let modest: Notebook;
    beforeAll(async () => {
      await postgres.primary.query('REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC');
      await postgres.waitForReplication();
      const log = (line: string) => void lines.push(line);
      modest = await Notebook.open({ postgres, platform, logger: { log, warn: log, error: log } });
    });
    afterAll(async () => {
      await postgres.primary.query('GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn() TO PUBLIC');
      await modest?.close();
    });

    it.each<[string, Work]>([
      [
        'a transaction',
        ({ db }) => db.transaction((manager) => manager.insert(Note, { text: 'm' })).then(() => 'fine'),
      ],
      [
        'an autocommit write',
        ({ db }) =>
          db
            .getRepository(Note)
            .insert({ text: 'm' })
            .then(() => 'fine'),
      ],
    ])('%s commits, and time serves', async (_what, work) => {
      const visitor = modest.visitor();
      const { answer, tokens } = await modest.counting(() => visitor.post(work));
      expect([answer.status, answer.body, tokens['no-position']]).toEqual([200, 'fine', 1]);
      expect((await visitor.get(readNotes)).route).toBe('primary; reason=client-wrote-recently');
      expect((await modest.visitor().get(readNotes)).route).toBe('replica-1; reason=read-method');
    });

    it('is said once per node at start-up', () => {
      // Nest has one logger for all applications of a process: the other one may have found out as well.
      const said = lines.filter((line) => line.includes('does not tell positions'));
      expect([...new Set(said.map((line) => line.slice(0, 12)))].toSorted()).toEqual([
        '"primary": T',
        '"replica-1":',
      ]);
      expect(said.length).toBeLessThanOrEqual(4);
    });

    it('does not make a commit look failed when the right is lost while running', async () => {
      const { answer, tokens } = await notebook.counting(() =>
        notebook
          .visitor()
          .post(({ db }) =>
            db.transaction((manager) => manager.insert(Note, { text: 'm' })).then(() => 'fine'),
          ),
      );
      expect([answer.status, answer.body, tokens['no-position']]).toEqual([200, 'fine', 1]);
    });
  });
});

@Injectable()
class WritingGuard implements CanActivate {
  constructor(private readonly db: () => DataSource) {}
  async canActivate(): Promise<boolean> {
    await this.db().query(`INSERT INTO note (text) VALUES ('guard')`);
    return true;
  }
}

const SCHEMA = `
  CREATE TABLE note (id serial PRIMARY KEY, text varchar NOT NULL);
  CREATE TABLE filler (text text);
  CREATE TABLE parent (id int PRIMARY KEY);
  CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE slow (text text);
  CREATE FUNCTION add_note() RETURNS int LANGUAGE sql AS $$ INSERT INTO note (text) VALUES ('f') RETURNING id $$;
  CREATE PROCEDURE add_and_commit() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO note (text) VALUES ('c'); COMMIT; END $$;
  CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER doze AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doze();
  INSERT INTO note (text) VALUES ('first');`;

async function asOwner(postgres: PostgresCluster, sql: string): Promise<void> {
  await withPlain(postgres, (db) => db.query(sql));
}

async function withPlain<T>(postgres: PostgresCluster, run: (db: DataSource) => Promise<T>): Promise<T> {
  const db = await new DataSource({
    type: 'postgres',
    url: postgres.primary.url,
    entities: [Note],
  }).initialize();
  try {
    return await run(db);
  } finally {
    await db.destroy();
  }
}

async function onOneRunner(db: DataSource, statements: readonly string[], mode?: 'master'): Promise<string> {
  const runner = db.createQueryRunner(mode);
  try {
    for (const statement of statements) await runner.query(statement);
  } finally {
    await runner.release();
  }
  return 'done';
}

interface Client {
  query(...args: unknown[]): unknown;
}

async function withClient(db: DataSource, work: (client: Client) => unknown): Promise<string> {
  const runner = db.createQueryRunner();
  try {
    await work((await runner.connect()) as Client);
  } finally {
    await runner.release();
  }
  return 'done';
}

async function writeThen(desk: Parameters<Work>[0], then: () => unknown): Promise<unknown> {
  await desk.db.query(`INSERT INTO note (text) VALUES ('w')`);
  return then();
}

async function fail(work: Promise<unknown>): Promise<never> {
  await work;
  throw new Error('rolled back');
}

/** The type's identifier in PostgreSQL's catalogue. */
const PG_LSN = 3220;
const FIXED_WRITE = `INSERT INTO filler (text) VALUES ('x')`;

async function insertPosition(postgres: PostgresCluster): Promise<number> {
  const [row] = await postgres.primary.query<{ at: string }>(
    `SELECT (pg_current_wal_insert_lsn() - '0/0') AS at`,
  );
  return Number(row?.at);
}

/** Leaves as much of the page as one more commit of {@link FIXED_WRITE} takes, which is measured first; records differ by a few bytes, hence `offset`. */
async function fillPage(postgres: PostgresCluster, offset: number): Promise<void> {
  const emit = (size: number) =>
    postgres.primary.query(`SELECT pg_logical_emit_message(false, 'p', repeat('x', ${size}))`);
  const empty = await costOf(postgres, () => emit(0));
  const write = await costOf(postgres, () => postgres.primary.query(FIXED_WRITE));
  const free = 8_192 - ((await insertPosition(postgres)) % 8_192);
  const padding = free - write - empty + offset;
  await emit(padding > 0 ? padding : padding + 8_192 - 24);
}

async function costOf(postgres: PostgresCluster, work: () => Promise<unknown>): Promise<number> {
  const before = await insertPosition(postgres);
  await work();
  return (await insertPosition(postgres)) - before;
}
