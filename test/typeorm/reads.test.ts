import { empty } from '../support/database.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Brackets,
  EventSubscriber,
  type DataSource,
  type EntityManager,
  type EntitySubscriberInterface,
  type InsertEvent,
  type LoadEvent,
  type QueryEvent,
} from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';
import {
  BestSeller,
  CATEGORIES,
  ClosureCategory,
  Country,
  MaterializedCategory,
  NestedCategory,
} from './more-entities.js';

const heard: { name: string; isRouted: boolean }[] = [];
let routed: DataSource | undefined;

@EventSubscriber()
class Witness implements EntitySubscriberInterface {
  afterLoad(_entity: unknown, event?: LoadEvent<unknown>): void {
    this.hear('afterLoad', event);
  }
  beforeInsert(event: InsertEvent<unknown>): void {
    this.hear('beforeInsert', event);
  }
  afterInsert(event: InsertEvent<unknown>): void {
    this.hear('afterInsert', event);
  }
  beforeQuery(event: QueryEvent): void {
    this.hear('beforeQuery', event);
  }
  afterQuery(event: QueryEvent): void {
    this.hear('afterQuery', event);
  }

  private hear(name: string, event: object | undefined): void {
    const owner: unknown = event && (Reflect.get(event, 'dataSource') ?? Reflect.get(event, 'connection'));
    heard.push({ name, isRouted: owner === routed });
  }
}

describe('reading through TypeORM', () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;
  let manager: EntityManager;

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label, Country, BestSeller, ...CATEGORIES],
      more: { subscribers: [Witness] },
    });
    ({ dataSource } = db);
    ({ manager } = dataSource);
    routed = dataSource;
  });
  afterAll(() => db?.close());

  beforeEach(async () => {
    await empty(dataSource, 'author', 'book', 'label', 'book_labels_label', 'country');
    const author = await manager.save(Author, { name: 'Le Guin' });
    for (const [title, sold] of [
      ['The Dispossessed', 3],
      ['Tehanu', 1],
    ] as const) {
      const book = manager.create(Book, { title, sold, labels: [{ text: `of ${title}` }] });
      book.author = Promise.resolve(author);
      await manager.save(book);
    }
    heard.length = 0;
  });

  /** What TypeORM answers under replica intent, which must be what it answers on the primary. */
  async function onReplica<T>(read: () => Promise<T>): Promise<T> {
    const expected = await read();
    let answer: T | undefined;
    const routes = await db.routesOf(async () => (answer = await db.reading(read)));
    expect(routes.length).toBeGreaterThan(0);
    expect(new Set(routes.map(({ role }) => role))).toEqual(new Set(['replica']));
    expect(JSON.stringify(answer)).toBe(JSON.stringify(expected));
    return answer as T;
  }

  const byTitle = { title: 'Tehanu' };
  it.each<[string, () => Promise<unknown>]>([
    ['find', () => manager.find(Book)],
    ['findBy', () => manager.findBy(Book, byTitle)],
    ['findAndCount', () => manager.findAndCount(Book, { take: 1, order: { id: 'ASC' } })],
    ['findAndCountBy', () => manager.findAndCountBy(Book, byTitle)],
    ['findOne', () => manager.findOne(Book, { where: byTitle })],
    ['findOneBy', () => manager.findOneBy(Book, byTitle)],
    ['findOneOrFail', () => manager.findOneOrFail(Book, { where: byTitle })],
    ['findOneByOrFail', () => manager.findOneByOrFail(Book, byTitle)],
    ['count', () => manager.count(Book)],
    ['countBy', () => manager.countBy(Book, byTitle)],
    ['exists', () => manager.exists(Book, { where: byTitle })],
    ['existsBy', () => manager.existsBy(Book, byTitle)],
    ['sum', () => manager.sum(Book, 'sold')],
    ['average', () => manager.average(Book, 'sold')],
    ['minimum', () => manager.minimum(Book, 'sold')],
    ['maximum', () => manager.maximum(Book, 'sold')],
    ['preload', () => manager.preload(Book, { id: 1, title: 'Changed in memory' })],
    ['query', () => manager.query('SELECT * FROM book ORDER BY id')],
    ['a transaction', () => manager.transaction((inner) => inner.find(Book, { order: { id: 'ASC' } }))],
    [
      'a REPEATABLE READ transaction',
      () => manager.transaction('REPEATABLE READ', (inner) => inner.find(Book, { order: { id: 'ASC' } })),
    ],
    ['soft-deleted rows', () => manager.find(Book, { withDeleted: true })],
    ['joined relations', () => manager.find(Author, { relations: { books: true } })],
    [
      'relations by queries',
      () => manager.find(Author, { relations: { books: true }, relationLoadStrategy: 'query' }),
    ],
    [
      'lazy relations',
      async () => (await (await manager.findOneByOrFail(Author, { id: 1 })).books).map(({ id }) => id),
    ],
    ['active record', () => Author.findOneBy({ name: 'Le Guin' })],
    ['active record with a builder', () => Author.createQueryBuilder('author').getMany()],
    ['an entity schema', () => manager.find(Country)],
    ['a view', () => manager.find(BestSeller)],
    ['getMany', () => manager.createQueryBuilder(Book, 'book').orderBy('book.id').getMany()],
    ['getRawMany', () => manager.createQueryBuilder(Book, 'book').orderBy('book.id').getRawMany()],
    [
      'getRawAndEntities',
      () => manager.createQueryBuilder(Book, 'book').orderBy('book.id').getRawAndEntities(),
    ],
    [
      'getManyAndCount',
      () => manager.createQueryBuilder(Book, 'book').take(1).orderBy('book.id').getManyAndCount(),
    ],
    ['getExists', () => manager.createQueryBuilder(Book, 'book').where(byTitle).getExists()],
    [
      'sub-queries and brackets',
      () =>
        manager
          .createQueryBuilder(Book, 'book')
          .where((qb) => `book.id IN ${qb.subQuery().select('b.id').from(Book, 'b').getQuery()}`)
          .andWhere(new Brackets((qb) => qb.where(byTitle).orWhere('1 = 0')))
          .getMany(),
    ],
    [
      'a common table expression',
      () =>
        manager
          .createQueryBuilder()
          .addCommonTableExpression('SELECT title FROM book', 'titles')
          .select('titles.title', 'title')
          .from('titles', 'titles')
          .orderBy('1')
          .getRawMany(),
    ],
    [
      'a builder in a transaction of its own',
      () => manager.createQueryBuilder(Book, 'book').useTransaction(true).getOne(),
    ],
    [
      'loadMany of a relation builder',
      () => manager.createQueryBuilder().relation(Author, 'books').of(1).loadMany(),
    ],
    ['loadRelationCountAndMap', countsBooks],
  ])('%s asks a replica', async (_what, read) => {
    await onReplica(read);
  });

  function countsBooks(): Promise<unknown> {
    return manager
      .createQueryBuilder(Author, 'author')
      .loadRelationIdAndMap('author.bookIds', 'author.books')
      .getMany();
  }

  it('a builder made in one place and executed in another follows the place of execution', async () => {
    const builder = manager.createQueryBuilder(Book, 'book').orderBy('book.id');
    expect((await onReplica(() => builder.clone().getMany())).length).toBe(2);
    const made = await db.reading(() => Promise.resolve(manager.createQueryBuilder(Book, 'book')));
    const routes = await db.routesOf(() => made.getMany());
    expect(routes.map(({ role }) => role)).toEqual(['primary']);
  });

  it.each([ClosureCategory, MaterializedCategory, NestedCategory])('trees: %p', async (Category) => {
    const trees = manager.getTreeRepository<ClosureCategory>(Category);
    await trees.clear().catch(() => empty(dataSource, trees.metadata.tableName));
    const root = await trees.save(trees.create({ name: 'root' }));
    const leaf = await trees.save(trees.create({ name: 'leaf', parent: root }));
    await onReplica(() => trees.findTrees());
    await onReplica(() => trees.findRoots());
    await onReplica(() => trees.findDescendants(root));
    await onReplica(() => trees.findAncestors(leaf));
    await onReplica(() => trees.countAncestors(leaf));
    await onReplica(() => trees.findDescendantsTree(root));
  });

  it('listeners and subscribers hear once, and see the routed DataSource', async () => {
    const author = await db.reading(() => manager.findOneByOrFail(Author, { id: 1 }));
    expect(author.name).toBe('Le Guin');
    expect(heard).toEqual(
      ['beforeQuery', 'afterQuery', 'afterLoad'].map((name) => ({ name, isRouted: true })),
    );
    heard.length = 0;
    await manager.insert(Label, { text: 'new' });
    expect(heard).toEqual(
      ['beforeInsert', 'beforeQuery', 'afterQuery', 'afterInsert'].map((name) => ({ name, isRouted: true })),
    );
    const book = await db.reading(() => manager.findOneByOrFail(Book, byTitle));
    expect(book.heard).toEqual(['after-load']);
  });
});
