import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { waitUntil } from 'nestjs-replicated/testing';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

interface Cursor {
  read(rows: number): Promise<unknown[]>;
}
interface Client {
  query<Q>(query: Q): Q;
}
/** What pg-query-stream is made with. */
const Cursor = createRequire(createRequire(import.meta.url).resolve('pg-query-stream'))('pg-cursor') as new (
  text: string,
) => Cursor;

const REFUSED = { code: 'ERR_REPLICATED_REPLICA_WRITE' };

describe('where only READ ONLY transactions keep writes away', () => {
  let db: RoutedDatabase;

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label],
      more: { cluster: { readOnly: 'transaction' } },
    });
  });
  afterAll(() => db?.close());

  it('a text that begins a transaction of its own is refused for what it writes', async () => {
    const write = `BEGIN; INSERT INTO label (text) VALUES ('x'); COMMIT`;
    await expect(db.reading(() => db.dataSource.query(write))).rejects.toMatchObject(REFUSED);
    await db.reading(() => db.dataSource.query('BEGIN; SELECT 1; COMMIT'));
    expect(await db.dataSource.manager.count(Label)).toBe(0);
  });

  it.each([
    ['reads to its end', 'SELECT generate_series(1, 3) AS n', { length: 3 }],
    ['fails', `INSERT INTO label (text) VALUES ('x') RETURNING id`, { code: '25006' }],
  ])('the transaction of a cursor that %s is over with it', async (_what, text, outcome) => {
    await db.reading(async () => {
      const runner = db.dataSource.createQueryRunner('slave');
      const client = (await runner.connect()) as Client;
      const answer = await client
        .query(new Cursor(text))
        .read(10)
        .catch((error: unknown) => error);
      expect(answer).toMatchObject(outcome);
      const [{ isOver }] = await runner.query('SELECT now() > $1::timestamptz AS "isOver"', [new Date(0)]);
      expect(isOver).toBe(true);
      await runner.release();
    });
  });

  it('a stream that is given up before its cursor is sent leaves a connection that answers', async () => {
    await db.selector.run({ intent: 'replica' }, async () => {
      const runner = db.dataSource.createQueryRunner('slave');
      const release = (): void => void runner.release();
      const stream = await runner.stream('SELECT generate_series(1, 1000) AS n', [], release, release);
      stream.on('data', () => undefined);
      stream.destroy();
    });
    for (let read = 0; read < 3; read += 1)
      expect(await db.reading(() => db.dataSource.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('a write right behind a stream is refused', async () => {
    await Promise.all(db.servers.replicas.map((replica) => replica.stop()));
    await waitUntil(() => db.cluster.nodes.slice(1).every(({ state }) => state === 'unreachable'));
    await db.selector.run({ intent: 'replica' }, async () => {
      const runner = db.dataSource.createQueryRunner('slave');
      const stream = await runner.stream('SELECT generate_series(1, 3) AS n');
      let rows = 0;
      for await (const _row of stream) rows += 1;
      expect(rows).toBe(3);
      await expect(runner.query(`INSERT INTO label (text) VALUES ('x')`)).rejects.toMatchObject(REFUSED);
      await runner.release();
    });
    expect(await db.dataSource.manager.count(Label)).toBe(0);
  });

  // Goes on with the replicas stopped: only the primary could write.
  it('a write beside a stream is refused, at whichever moment the stream begins', async () => {
    const write = `INSERT INTO label (text) VALUES ('x') RETURNING pg_sleep(0.001)`;
    for (let ticks = 0; ticks < 20; ticks += 1) {
      await db.selector.run({ intent: 'replica' }, async () => {
        const runner = db.dataSource.createQueryRunner('slave');
        await runner.query('SELECT 1');
        const refused = expect(runner.query(write)).rejects.toMatchObject(REFUSED);
        for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
        const stream = await runner.stream('SELECT generate_series(1, 3) AS n');
        expect(await stream.toArray()).toHaveLength(3);
        await refused;
        await runner.release();
      });
    }
    expect(await db.dataSource.manager.count(Label)).toBe(0);
  });
});
