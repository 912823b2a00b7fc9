import { ADVISORY_LOCK, BEGIN_SERIALIZABLE, empty, sqlOf } from '../support/database.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ReplicaWriteError } from 'nestjs-replicated';
import { EntityManager, type QueryRunner } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

/** The code of a write that a read-only session refuses. */
const REFUSED = sqlOf({ postgres: /^25006$/, mariadb: /READ_ONLY_TRANSACTION|OPTION_PREVENTS/ });

type Write = [what: string, statement: string, write: (manager: EntityManager) => Promise<unknown>];

describe('a write under replica intent', () => {
  let db: RoutedDatabase;

  beforeAll(async () => {
    db = await openRouted({ entities: [Author, Book, Label] });
  });
  afterAll(() => db?.close());
  beforeEach(async () => {
    await empty(db.dataSource, 'author', 'book', 'label', 'book_labels_label');
    await db.dataSource.getRepository(Label).insert([{ text: 'a' }, { text: 'b' }]);
  });

  async function refusalOf(fn: (manager: EntityManager) => Promise<unknown>): Promise<ReplicaWriteError> {
    const error = await db
      .reading(() => fn(db.dataSource.manager))
      .then(
        () => new Error('It was not refused.'),
        (refused: Error) => refused,
      );
    expect(error).toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE', name: 'ReplicaWriteError' });
    return error as ReplicaWriteError;
  }

  function withRunner(fn: (runner: QueryRunner) => Promise<unknown>): () => Promise<unknown> {
    return async () => {
      const runner = db.dataSource.createQueryRunner();
      try {
        return await fn(runner);
      } finally {
        await runner.release();
      }
    };
  }

  const label = { id: 1, text: 'a' };
  it.each<Write>([
    ['save()', 'save()', (manager) => manager.save(Label, { text: 'x' })],
    ['save() of what is stored already', 'save()', (manager) => manager.save(Label, label)],
    ['remove()', 'remove()', (manager) => manager.remove(Object.assign(new Label(), label))],
    ['softRemove()', 'softRemove()', (manager) => manager.softRemove(Object.assign(new Book(), { id: 1 }))],
    ['recover()', 'recover()', (manager) => manager.recover(Object.assign(new Book(), { id: 1 }))],
    ['active record', 'save()', () => Object.assign(new Author(), { name: 'x' }).save()],
    ['insert()', 'INSERT', (manager) => manager.insert(Label, { text: 'x' })],
    ['update()', 'UPDATE', (manager) => manager.update(Label, 1, { text: 'x' })],
    ['delete()', 'DELETE', (manager) => manager.delete(Label, 1)],
    ['softDelete()', 'UPDATE', (manager) => manager.softDelete(Book, 1)],
    ['restore()', 'UPDATE', (manager) => manager.restore(Book, 1)],
    ['upsert()', 'INSERT', (manager) => manager.upsert(Author, { name: 'x' }, ['name'])],
    ['increment()', 'UPDATE', (manager) => manager.increment(Book, { id: 1 }, 'sold', 1)],
    ['clear()', 'TRUNCATE TABLE', (manager) => manager.clear(Label)],
    [
      'an insert builder',
      'INSERT',
      (manager) => manager.createQueryBuilder().insert().into(Label).values({ text: 'x' }).execute(),
    ],
    [
      'a relation builder',
      'INSERT',
      (manager) => manager.createQueryBuilder().relation(Book, 'labels').of(1).add(1),
    ],
    ['query()', 'INSERT', (manager) => manager.query(`INSERT INTO label (text) VALUES ('x')`)],
    ['DDL', 'CREATE TABLE', (manager) => manager.query('CREATE TABLE refused (n int)')],
    ['FOR UPDATE', 'SELECT FOR UPDATE', (manager) => manager.query('SELECT * FROM label FOR UPDATE')],
    ...sqlOf<Write[]>({
      postgres: [
        ['nextval()', 'nextval()', (manager) => manager.query(`SELECT nextval('label_id_seq')`)],
        [
          'a CTE that writes',
          'A SELECT that writes',
          (manager) =>
            manager.query(`WITH x AS (INSERT INTO label (text) VALUES ('x') RETURNING id) SELECT * FROM x`),
        ],
      ],
      mariadb: [],
    }),
    ['an advisory lock', 'An advisory lock', (manager) => manager.query(ADVISORY_LOCK)],
    [
      'a transaction that writes',
      'INSERT',
      (manager) => manager.transaction((inner) => inner.insert(Label, { text: 'x' })),
    ],
    [
      'save() in a transaction',
      'save()',
      (manager) => manager.transaction((inner) => inner.save(Label, { text: 'x' })),
    ],
    [
      'a pessimistic lock',
      'SELECT FOR UPDATE',
      (manager) =>
        manager.transaction((inner) =>
          inner.findOne(Label, { where: { id: 1 }, lock: { mode: 'pessimistic_write' } }),
        ),
    ],
    [
      'a SERIALIZABLE transaction',
      'A SERIALIZABLE transaction',
      (manager) => manager.transaction('SERIALIZABLE', (inner) => inner.find(Label)),
    ],
    [
      'a SERIALIZABLE transaction in the words of SQL',
      'A SERIALIZABLE transaction',
      withRunner((runner) => runner.query(BEGIN_SERIALIZABLE)),
    ],
  ])('%s is refused as %s', async (_what, statement, write) => {
    const error = await refusalOf(write);
    expect(error.statement).toBe(statement);
    expect(error.message).toContain(`${statement} was refused in Reader.read`);
    expect(error.message).toContain('@ChangesDatabase()');
    expect(await db.dataSource.getRepository(Label).find({ order: { id: 'ASC' } })).toMatchObject([
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ]);
  });

  it('persistence is refused before any listener or query runs', async () => {
    const book = Object.assign(new Book(), { title: 'x' });
    const routes = await db.routesOf(() => refusalOf((manager) => manager.save(book)));
    expect(book.heard).toEqual([]);
    expect(routes).toEqual([]);
  });

  describe('of an entity manager that the application has made itself', () => {
    const made = (): EntityManager => new EntityManager(db.dataSource);

    it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
      ['what is stored already, as far as a replica knows', (manager) => manager.save(Label, label)],
      ['by a repository', (manager) => manager.getRepository(Label).save(label)],
      ['remove()', (manager) => manager.remove(Object.assign(new Label(), label))],
      ['softRemove()', (manager) => manager.softRemove(Object.assign(new Book(), { id: 1, title: 'x' }))],
    ])('%s is refused before anything is read', async (_what, write) => {
      const routes = await db.routesOf(async () => {
        expect((await refusalOf(() => write(made()))).statement).toBe('save() or remove()');
      });
      expect(routes).toEqual([]);
    });

    it('what is new is refused before any listener runs', async () => {
      const book = Object.assign(new Book(), { title: 'x' });
      expect((await refusalOf(() => made().save(book))).statement).toBe('INSERT');
      expect(book.heard).toEqual([]);
    });

    it('reads a replica', async () => {
      expect(await db.routesOf(() => db.reading(() => made().find(Label)))).toEqual(
        await db.routesOf(() => db.reading(() => db.dataSource.manager.find(Label))),
      );
    });
  });

  it('what the database has refused is the cause', async () => {
    const error = await refusalOf((manager) => manager.insert(Label, { text: 'x' }));
    expect(error.cause).toMatchObject({ name: 'QueryFailedError', code: expect.stringMatching(REFUSED) });
  });

  it('a runner asked for the primary may write', async () => {
    await db.reading(async () => {
      const runner = db.dataSource.createQueryRunner('master');
      await runner.query(`INSERT INTO label (text) VALUES ('by the primary')`);
      await runner.manager.save(Label, { text: 'by the primary, too' });
      await runner.release();
    });
    expect(await db.dataSource.getRepository(Label).count()).toBe(4);
  });

  const INSERT = `INSERT INTO label (text) VALUES ('x')`;
  it.each<[string, () => Promise<unknown>]>([
    ['a text of several statements', () => db.dataSource.query(`BEGIN; ${INSERT}; COMMIT`)],
    ['one that begins later', () => db.dataSource.query(`SELECT 1; BEGIN; ${INSERT}; COMMIT`)],
    [
      'BEGIN without ROLLBACK',
      withRunner((runner) => runner.query('BEGIN').then(() => runner.query(INSERT))),
    ],
    [
      'startTransaction() without rollbackTransaction()',
      withRunner((runner) => runner.startTransaction().then(() => runner.query(INSERT))),
    ],
  ])('%s leaves no transaction in which the next readers fail', async (_what, write) => {
    await refusalOf(write);
    await db.reading(async () => {
      const runners = [1, 2, 3].map(() => db.dataSource.createQueryRunner('slave'));
      for (const runner of runners) expect(await runner.manager.count(Label)).toBe(2);
      for (const runner of runners) await runner.release();
    });
  });

  it('a refused runner can still read', async () => {
    const count = await db.reading(async () => {
      const runner = db.dataSource.createQueryRunner();
      await runner.query('TRUNCATE label').catch(() => undefined);
      const counted = await runner.manager.count(Label);
      await runner.release();
      return counted;
    });
    expect(count).toBe(2);
  });
});
