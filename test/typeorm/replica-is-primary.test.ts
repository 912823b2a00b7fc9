import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { ADVISORY_LOCK, sqlOf, startCluster } from '../support/database.js';
import type { EntityManager } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

const IS_READ_ONLY = sqlOf<{ sql: string; row: object }>({
  postgres: { sql: 'SHOW transaction_read_only', row: { transaction_read_only: 'on' } },
  mariadb: { sql: 'SELECT @@session.tx_read_only + 0e0 AS isReadOnly', row: { isReadOnly: 1 } },
});
const NEXT_NUMBER = sqlOf({
  postgres: `SELECT nextval('label_numbers')`,
  mariadb: 'SELECT NEXTVAL(label_numbers)',
});
const REFUSED = { code: 'ERR_REPLICATED_REPLICA_WRITE' };

describe.each([
  ['under another name', (url: string) => url.replace('127.0.0.1', 'localhost')],
  ['through a proxy', undefined],
])('a "replica" that is the primary itself, %s', (_how, addressOf) => {
  let servers: PostgresCluster;
  let db: RoutedDatabase;
  let manager: EntityManager;

  beforeAll(async () => {
    servers = await startCluster({ replicas: 0 });
    const { primary } = servers;
    const url = addressOf ? addressOf(primary.url) : (await primary.proxy()).through(primary.url);
    db = await openRouted({ entities: [Author, Book, Label], replicas: [{ url, name: 'mirror' }] }, servers);
    ({ manager } = db.dataSource);
    await manager.query('CREATE SEQUENCE label_numbers');
    await manager.insert(Label, { text: 'a' });
  });
  afterAll(async () => {
    await db?.close();
    await servers?.stop();
  });

  it('is seen as what it is, and not used', () => {
    expect(db.cluster.nodes.find(({ name }) => name === 'mirror')).toMatchObject({ state: 'is-primary' });
  });

  it('the primary serves its reads, in sessions that cannot write', async () => {
    const routes = await db.routesOf(() =>
      db.reading(async () => {
        expect(await manager.find(Label)).toMatchObject([{ text: 'a' }]);
        expect(await manager.query(IS_READ_ONLY.sql)).toEqual([IS_READ_ONLY.row]);
        await expect(manager.insert(Label, { text: 'x' })).rejects.toMatchObject(REFUSED);
        await expect(manager.query(NEXT_NUMBER)).rejects.toMatchObject(REFUSED);
        await expect(manager.query('SELECT * FROM label FOR UPDATE')).rejects.toMatchObject(REFUSED);
        await expect(manager.query(ADVISORY_LOCK)).rejects.toMatchObject(REFUSED);
        await expect(manager.save(Label, { text: 'x' })).rejects.toMatchObject(REFUSED);
        await expect(manager.transaction((inner) => inner.delete(Label, 1))).rejects.toMatchObject(REFUSED);
        await expect(manager.transaction('SERIALIZABLE', (inner) => inner.find(Label))).rejects.toMatchObject(
          REFUSED,
        );
      }),
    );
    expect(new Set(routes.map(({ node, reason }) => `${node} ${reason}`))).toEqual(
      new Set(['primary no-usable-replica']),
    );
    expect(await manager.count(Label)).toBe(1);
  });
});
