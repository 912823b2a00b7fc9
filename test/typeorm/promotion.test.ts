import { empty, FAILING, isPostgres, MINE, PARAMETER, SET_MINE } from '../support/database.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UseSlave } from 'nestjs-replicated';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

const POOL_SIZE = 4;

/** A class, and so a handler, that nobody has heard of. */
function newHandler(name: string): { run<T>(fn: () => T): T } {
  class Handler {
    @UseSlave({ ownWrites: true })
    run<T>(fn: () => T): T {
      return fn();
    }
  }
  Object.defineProperty(Handler, 'name', { value: name });
  return new Handler();
}

describe("a write under replica intent, with onReplicaWrite 'promote'", () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;
  let manager: EntityManager;
  let number = 0;

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label],
      features: [Label],
      more: { routing: { onReplicaWrite: 'promote' }, poolSize: POOL_SIZE },
    });
    ({ dataSource } = db);
    ({ manager } = dataSource);
  });
  afterAll(() => db?.close());
  beforeEach(() => empty(dataSource, 'author', 'book', 'label', 'book_labels_label'));
  afterEach(() => expect(db.cluster.nodes.length).toBe(2));

  const handler = (): ReturnType<typeof newHandler> => newHandler(`Handler${(number += 1)}`);
  const rolesOf = async (fn: () => Promise<unknown>): Promise<string[]> =>
    (await db.routesOf(fn)).map(({ role }) => role);

  async function withRunner(fn: (runner: QueryRunner) => Promise<unknown>): Promise<void> {
    const runner = dataSource.createQueryRunner();
    try {
      await fn(runner);
    } finally {
      await runner.release();
    }
  }

  it.each<[string, string[], () => Promise<unknown>]>([
    ['query()', ['replica', 'primary'], () => manager.query(`INSERT INTO label (text) VALUES ('x')`)],
    ['insert()', ['replica', 'primary'], () => manager.insert(Label, { text: 'x' })],
    [
      'a builder',
      ['replica', 'primary'],
      () => manager.createQueryBuilder().insert().into(Label).values({ text: 'x' }).execute(),
    ],
    ['save()', ['primary'], () => manager.save(Label, { text: 'x' })],
    ['transaction()', ['primary'], () => manager.transaction((inner) => inner.insert(Label, { text: 'x' }))],
    [
      'a transaction in the words of SQL',
      ['primary'],
      () =>
        withRunner(async (runner) => {
          await runner.query('BEGIN');
          await runner.query(`INSERT INTO label (text) VALUES ('x')`);
          await runner.query('COMMIT');
        }),
    ],
  ])('%s is done once, on the primary', async (_what, roles, write) => {
    expect(await rolesOf(() => handler().run(write))).toEqual(roles);
    expect(await manager.count(Label)).toBe(1);
  });

  it('the rest of the unit, and the handler from then on, use the primary', async () => {
    const known = handler();
    const visit = async (): Promise<void> => {
      await manager.find(Label);
      await manager.insert(Label, { text: 'x' });
      await manager.find(Label);
    };
    expect(await rolesOf(() => known.run(visit))).toEqual(['replica', 'replica', 'primary', 'primary']);
    expect(await rolesOf(() => known.run(visit))).toEqual(['primary', 'primary', 'primary']);
    expect(await rolesOf(() => handler().run(() => manager.find(Label)))).toEqual(['replica']);
  });

  it('a handler is reported once', async () => {
    const reported: string[] = [];
    const stop = db.cluster.on('wroteUnderReplicaIntent', (event) => reported.push(event.handler));
    const known = newHandler('Reported');
    for (let visit = 0; visit < 3; visit += 1) await known.run(() => manager.insert(Label, { text: 'x' }));
    stop();
    expect(reported).toEqual(['Reported.run']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['useReplica()', () => db.selector.useReplica(() => manager.insert(Label, { text: 'x' }))],
    ['save() in useReplica()', () => db.selector.useReplica(() => manager.save(Label, { text: 'x' }))],
    [
      'a transaction in useReplica()',
      () => db.selector.useReplica(() => manager.transaction((inner) => inner.insert(Label, { text: 'x' }))),
    ],
  ])('within %s it is refused all the same', async (_what, write) => {
    await expect(handler().run(write)).rejects.toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE' });
    expect(await manager.count(Label)).toBe(0);
  });

  it('a session that was changed on the replica is not exchanged, but the next time begins on the primary', async () => {
    const known = handler();
    const write = (): Promise<void> =>
      withRunner(async (runner) => {
        await runner.query(SET_MINE);
        await runner.query(`INSERT INTO label (text) VALUES (${MINE})`);
      });
    await expect(known.run(write)).rejects.toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE' });
    expect(await manager.count(Label)).toBe(0);
    await known.run(write);
    expect(await manager.find(Label)).toMatchObject([{ text: 'mine' }]);
  });

  it('a text that had begun a transaction on the replica leaves none there', async () => {
    const text = `SELECT 1; BEGIN; INSERT INTO label (text) VALUES ('x'); COMMIT`;
    expect(await rolesOf(() => handler().run(() => manager.query(text)))).toEqual(['primary']);
    for (const run of [handler(), handler()]) await run.run(() => manager.query('SELECT 1'));
    expect(await manager.count(Label)).toBe(1);
  });

  it.each(['/* a job */ BEGIN', '-- a job\nBEGIN', 'SELECT 1; START TRANSACTION'])(
    'a transaction that begins with %j is on the primary from its beginning',
    async (begin) => {
      await handler().run(() =>
        withRunner(async (runner) => {
          await runner.query(begin);
          await runner.query(`INSERT INTO label (text) VALUES ('x')`);
          await runner.query('ROLLBACK');
        }),
      );
      expect(await manager.count(Label)).toBe(0);
    },
  );

  it('a connection that is still on its way when its session moves comes back', async () => {
    const { driver } = dataSource as unknown as { driver: { connectedQueryRunners: readonly unknown[] } };
    for (let round = 0; round < 2 * POOL_SIZE; round += 1) {
      await handler().run(() =>
        withRunner(async (runner) => {
          const connecting = runner.connect();
          await runner.startTransaction();
          await runner.query(`INSERT INTO label (text) VALUES ('x')`);
          await runner.commitTransaction();
          await connecting;
        }),
      );
    }
    if (isPostgres) expect(driver.connectedQueryRunners).toEqual([]);
    expect(await rolesOf(() => handler().run(() => manager.query('SELECT 1')))).toEqual(['replica']);
    expect(await manager.count(Label)).toBe(2 * POOL_SIZE);
  });

  it('writes side by side on one runner move it once', async () => {
    await handler().run(() =>
      withRunner((runner) =>
        Promise.all(
          ['a', 'b', 'c'].map((text) =>
            runner.query(`INSERT INTO label (text) VALUES (${PARAMETER})`, [text]),
          ),
        ),
      ),
    );
    const labels = await manager.find(Label);
    expect(labels.map(({ text }) => text).toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('listeners of what is saved hear once', async () => {
    const book = Object.assign(new Book(), { title: 'x' });
    await handler().run(() => manager.save(book));
    expect(book.heard).toEqual(['before-insert']);
  });

  it('an error of the statement itself is not repeated', async () => {
    const roles = await rolesOf(() =>
      expect(handler().run(() => manager.query(FAILING.sql))).rejects.toMatchObject({ code: FAILING.code }),
    );
    expect(roles).toEqual(['replica']);
  });
});
