import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import { FAILING, IS_REPLICA, numbersTo, sqlOf, startCluster, YES } from '../support/database.js';
import type { DataSource } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';
import { Preferring } from './preferring.js';

const ROWS = sqlOf({ postgres: 5_000, mariadb: 500_000 }); // more than fit in what lies between server and reader
const NUMBERS = `SELECT n, ${IS_REPLICA} FROM ${numbersTo(ROWS)}`;

describe('streams', () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;
  let servers: PostgresCluster;
  let link: TcpProxy;
  const balancing = new Preferring('linked');

  beforeAll(async () => {
    servers = await startCluster({ replicas: 1 });
    const [replica] = servers.replicas;
    if (!replica) throw new Error('The cluster has no replica.');
    link = await replica.proxy();
    db = await openRouted(
      {
        entities: [Author, Book, Label],
        replicas: [
          { url: link.through(replica.url), name: 'linked' },
          { url: replica.url, name: 'direct' },
        ],
        more: { routing: { onReplicaWrite: 'promote', balancing } },
      },
      servers,
    );
    ({ dataSource } = db);
    await dataSource.getRepository(Label).insert([{ text: 'a' }, { text: 'b' }]);
  });
  afterAll(async () => {
    await db?.close();
    await servers?.stop();
  });

  const streamHere = (sql: string): Promise<Readable> => {
    const runner = dataSource.createQueryRunner();
    const release = (): void => void runner.release();
    return runner.stream(sql, [], release, release);
  };
  const streamOf = (sql: string): Promise<Readable> =>
    db.selector.run({ intent: 'replica' }, () => streamHere(sql));

  async function rowsOf(stream: Readable): Promise<{ n: number; isReplica: unknown }[]> {
    const rows = [];
    for await (const row of stream) rows.push(row);
    return rows;
  }

  it('a stream reads the replica, all of it, and gives its connection back', async () => {
    const rows = await rowsOf(await streamOf(NUMBERS));
    expect([rows.length, rows.at(0), rows.at(-1)]).toEqual([
      ROWS,
      { n: 1, isReplica: YES },
      { n: ROWS, isReplica: YES },
    ]);
    await untilIdle();
  });

  it('events are of the unit of work that reads, to the last one', async () => {
    const nodes = new Set<string>();
    const note = (): void => void nodes.add(db.selector.route?.node ?? 'outside of any unit');
    const { stream, node } = await db.selector.run({ intent: 'replica' }, async () => {
      const runner = dataSource.createQueryRunner();
      const over = (): void => {
        note();
        void runner.release();
      };
      const rows = await runner.stream(NUMBERS, [], over, over);
      return { stream: rows.on('data', note).on('end', note), node: db.selector.route?.node };
    });
    await once(stream, 'close');
    expect(node).toMatch(/^(linked|direct)$/);
    expect([...nodes]).toEqual([node]);
    await untilIdle();
  });

  it('the rows that have come can be read one by one', async () => {
    const stream = await streamOf(`SELECT n FROM ${numbersTo(3)}`);
    await once(stream, 'readable');
    await waitUntil(() => stream.readableLength === 3);
    expect([1, 2, 3, 4].map(() => stream.read() as unknown)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, null]);
    await untilIdle();
  });

  it('the stream of a builder, too', async () => {
    const stream = await db.reading(() =>
      dataSource.createQueryBuilder(Label, 'label').orderBy('label.id').stream(),
    );
    expect(await rowsOf(stream)).toMatchObject([{ label_text: 'a' }, { label_text: 'b' }]);
    await untilIdle();
  });

  it('a stream that its reader leaves gives its connection back', async () => {
    for (const rowsBefore of [0, 1]) {
      const stream = await streamOf(NUMBERS);
      if (rowsBefore > 0) await once(stream, 'data');
      stream.destroy();
      await untilIdle();
    }
    expect((await rowsOf(await streamOf(NUMBERS))).length).toBe(ROWS);
  });

  it('an error of the query reaches the reader', async () => {
    await expect(rowsOf(await streamOf(FAILING.sql))).rejects.toMatchObject({ code: FAILING.code });
    await untilIdle();
  });

  it('a write is refused, or promoted before the first row', async () => {
    const insert = `INSERT INTO label (text) VALUES ('streamed') RETURNING text`;
    const inBlock = db.selector.run({ intent: 'replica' }, async () => rowsOf(await streamHere(insert)));
    await expect(inBlock).rejects.toMatchObject({
      code: 'ERR_REPLICATED_REPLICA_WRITE',
      statement: 'INSERT',
    });
    const runner = await db.reading(async () => dataSource.createQueryRunner());
    expect(await rowsOf(await runner.stream(insert))).toEqual([{ text: 'streamed' }]);
    await runner.release();
    expect(await dataSource.getRepository(Label).countBy({ text: 'streamed' })).toBe(1);
  });

  it('a connection that breaks before the first row is replaced, one that breaks later is not', async () => {
    const idle = await streamOf(NUMBERS);
    link.resetConnections();
    const rows = await rowsOf(idle);
    expect([rows.length, rows.every(({ isReplica }) => isReplica === YES)]).toEqual([ROWS, true]);

    await waitUntil(() => db.cluster.nodes.every(({ state }) => state === 'usable'), { timeoutMs: 10_000 });
    const broken = await streamOf(NUMBERS);
    const reader = broken[Symbol.asyncIterator]();
    await reader.next();
    link.resetConnections();
    await expect(rowsOf(broken)).rejects.toMatchObject({
      message: expect.stringMatching(/terminated|ECONNRESET|destroyed|Connection lost/),
    });
    await untilIdle();
  });

  const untilIdle = (): Promise<unknown> => waitUntil(() => balancing.busy === 0);
});
