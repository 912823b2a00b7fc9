import { empty } from '../support/database.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  getReplicatedRepositoryToken,
  ReplicatedRepository,
  ReplicatedTreeRepository,
} from 'nestjs-replicated';
import { DataSource, EntityManager, Repository, TreeRepository } from 'typeorm';
import { ClosureCategory } from './more-entities.js';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

/** A repository of the application's own. */
class Labels extends ReplicatedRepository<Label> {
  constructor(dataSource: DataSource) {
    super(Label, dataSource.manager);
  }
  named(text: string): Promise<Label[]> {
    return this.findBy({ text });
  }
}

describe('replicated repositories', () => {
  let db: RoutedDatabase;
  let labels: ReplicatedRepository<Label>;

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label, ClosureCategory],
      features: [Label, ClosureCategory],
    });
    labels = db.module.get(getReplicatedRepositoryToken(Label));
  });
  afterAll(() => db?.close());
  beforeEach(async () => {
    await empty(db.dataSource, 'label');
    await labels.insert({ text: 'a' });
  });

  const createReplicated = (entity: typeof Author): ReplicatedRepository<Author> =>
    new ReplicatedRepository(entity, db.dataSource.manager);
  const rolesOf = async (fn: () => Promise<unknown>): Promise<string[]> =>
    (await db.routesOf(() => db.reading(fn))).map(({ role }) => role);

  it('are repositories of TypeORM', () => {
    expect(labels).toBeInstanceOf(Repository);
    expect(labels.manager).toBeInstanceOf(EntityManager);
    expect(db.dataSource).toBeInstanceOf(DataSource);
    expect([labels.primary.metadata, labels.target]).toEqual([labels.metadata, Label]);
  });

  it('follow the route, and have a view for each role', async () => {
    expect(await rolesOf(() => labels.find())).toEqual(['replica']);
    expect(await rolesOf(() => labels.primary.find())).toEqual(['primary']);
    expect(await rolesOf(() => labels.primary.replica.find())).toEqual(['replica']);
    const outside = await db.routesOf(async () => {
      await labels.find();
      await labels.replica.find();
      await labels.replica.primary.createQueryBuilder('label').getMany();
    });
    expect(outside.map(({ role }) => role)).toEqual(['primary', 'replica', 'primary']);
  });

  it('write through .primary where nothing else may, and never through .replica', async () => {
    await db.reading(() => labels.primary.save({ text: 'b' }));
    expect(await labels.count()).toBe(2);
    await expect(labels.replica.save({ text: 'c' })).rejects.toMatchObject({
      code: 'ERR_REPLICATED_REPLICA_WRITE',
      message: expect.stringContaining('.primary'),
    });
    await expect(labels.replica.insert({ text: 'c' })).rejects.toMatchObject({ statement: 'INSERT' });
  });

  it('what hangs on the result of a view, or of a block, reads like it, however late', async () => {
    const authors = db.dataSource.getRepository(Author);
    const { id } = await authors.save({ name: 'Le Guin' });
    const replicated = createReplicated(Author);
    const found = await db.reading(async () => ({
      primary: await replicated.primary.findOneByOrFail({ id }),
      block: await db.selector.usePrimary(() => authors.findOneByOrFail({ id })),
      plain: await authors.findOneByOrFail({ id }),
    }));
    expect(await rolesOf(() => found.primary.books)).toEqual(['primary']);
    expect(await rolesOf(() => found.block.books)).toEqual(['primary']);
    expect(await rolesOf(() => found.plain.books)).toEqual(['replica']);
    const relation = (view: Repository<Author>) => () =>
      view.createQueryBuilder().relation('books').of(id).loadMany();
    expect(await rolesOf(relation(replicated.primary))).toEqual(['primary']);
    expect(await rolesOf(relation(replicated))).toEqual(['replica']);
    const outside = await db.routesOf(async () => {
      await (
        await replicated.replica.findOneByOrFail({ id })
      ).books;
      await relation(replicated.replica)();
    });
    expect(outside.map(({ role }) => role)).toEqual(['replica', 'replica', 'replica']);
  });

  it('keep both views when extended', async () => {
    const extended = labels.extend({
      named(this: Repository<Label>, text: string) {
        return this.findBy({ text });
      },
    });
    expect(await rolesOf(() => extended.named('a'))).toEqual(['replica']);
    expect(await rolesOf(() => extended.primary.named('a'))).toEqual(['primary']);
    expect(await extended.replica.named('a')).toEqual(await labels.find());
  });

  it('have both views in classes of their own', async () => {
    const own = new Labels(db.dataSource);
    expect(await rolesOf(() => own.named('a'))).toEqual(['replica']);
    expect(await rolesOf(() => own.primary.named('a'))).toEqual(['primary']);
  });

  it('stay in a transaction, views included', async () => {
    await db.selector.usePrimary(() =>
      db.dataSource.transaction(async (manager) => {
        const inside = manager.withRepository(labels);
        await inside.insert({ text: 'uncommitted' });
        for (const view of [inside, inside.primary, inside.replica, manager.withRepository(labels.replica)])
          expect(await view.countBy({ text: 'uncommitted' })).toBe(1);
        expect(await labels.replica.countBy({ text: 'uncommitted' })).toBe(0);
      }),
    );
  });

  it('of trees have the methods of trees', async () => {
    const trees: ReplicatedTreeRepository<ClosureCategory> = db.module.get(
      getReplicatedRepositoryToken(ClosureCategory),
    );
    expect(trees).toBeInstanceOf(TreeRepository);
    await trees.save(trees.create({ name: 'root' }));
    expect(await rolesOf(() => trees.findRoots())).toEqual(['replica']);
    expect(await rolesOf(() => trees.primary.findRoots())).toEqual(['primary']);
    expect(await db.reading(() => trees.replica.findTrees())).toMatchObject([{ name: 'root', children: [] }]);
  });
});
