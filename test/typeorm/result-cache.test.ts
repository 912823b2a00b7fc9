import { CACHE_TABLE, empty } from '../support/database.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

describe("TypeORM's result cache", () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;
  let manager: EntityManager;

  beforeAll(async () => {
    db = await openRouted({ entities: [Author, Book, Label], more: { cache: true } });
    ({ dataSource } = db);
    ({ manager } = dataSource);
  });
  afterAll(() => db?.close());
  beforeEach(async () => {
    await manager.clear(Label).catch(() => empty(dataSource, 'label'));
    await dataSource.queryResultCache?.clear();
    await manager.insert(Label, { text: 'a' });
  });

  const readCached = (): Promise<Label[]> =>
    manager.find(Label, { cache: { id: 'labels', milliseconds: 60_000 } });
  const entries = async (): Promise<number> =>
    Number((await manager.query(`SELECT count(*) AS n FROM ${CACHE_TABLE}`))[0].n);

  it('stores what was read on a replica through the primary, once, and answers from it', async () => {
    const first = await db.routesOf(() => db.reading(readCached));
    expect(first.map(({ role }) => role)).toEqual(['replica', 'primary']);
    await manager.insert(Label, { text: 'b' });
    expect(await db.reading(readCached)).toMatchObject([{ text: 'a' }]);
    expect(await entries()).toBe(1);
  });

  it('what it stores is not a write of the application', async () => {
    const routes = await db.routesOf(() =>
      db.reading(async () => {
        await readCached();
        expect(await db.selector.token()).toBeUndefined();
        await manager.find(Label);
      }),
    );
    expect(routes.map(({ role }) => role)).toEqual(['replica', 'primary', 'replica']);
  });

  it('an entry that is too old is replaced', async () => {
    const readBriefly = (): Promise<Label[]> =>
      manager.find(Label, { cache: { id: 'labels', milliseconds: -1 } });
    await db.reading(readBriefly);
    await manager.insert(Label, { text: 'b' });
    expect(await db.reading(readBriefly)).toMatchObject([{ text: 'a' }, { text: 'b' }]);
    expect(await entries()).toBe(1);
  });

  it.each([
    ['clear()', (source: DataSource) => source.queryResultCache?.clear()],
    ['remove()', (source: DataSource) => source.queryResultCache?.remove(['labels'])],
  ])('%s works where nothing may be written', async (_what, empty) => {
    await db.reading(readCached);
    await db.reading(async () => empty(dataSource));
    expect(await entries()).toBe(0);
  });

  it('works in every part of an application that says so at run time', async () => {
    dataSource.setOptions({ cache: { type: 'database', alwaysEnabled: true, duration: 60_000 } });
    await db.reading(() => manager.find(Label));
    expect(await entries()).toBe(1);
  });
});
