import { COUNT, FAILING, isPostgres, PARAMETER, SLEEP } from '../support/database.js';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Brackets,
  In,
  IsNull,
  Like,
  MoreThan,
  Not,
  Raw,
  Table,
  TableColumn,
  TableIndex,
  type DataSource,
  type EntityManager,
} from 'typeorm';
import { Card, Clerk, Loan, Member, Person, Witness } from './library.js';
import { BestSeller, CATEGORIES } from './more-entities.js';
import { errorOf, type Scenario } from './pair.js';
import { Author, Book, Label } from './shop.js';

/** The error of a promise, to be compared. */
async function failure(work: Promise<unknown>): Promise<object> {
  return work.then((value) => ({ unexpected: value }), errorOf);
}

/** What TypeORM refuses to do on some databases. */
const asItCan = (work: () => Promise<unknown>): Promise<unknown> =>
  isPostgres ? work() : failure((async () => work())());

async function shelve({ manager }: DataSource | { manager: EntityManager }): Promise<void> {
  const ann = manager.create(Author, { name: 'Ann' });
  await manager.save(ann);
  const labels = await manager.save(Label, [{ text: 'red' }, { text: 'blue' }]);
  for (const [index, title] of ['One', 'Two', 'Three'].entries()) {
    const book = manager.create(Book, { title, sold: index * 2, labels: labels.slice(0, index) });
    book.author = Promise.resolve(ann);
    await manager.save(book);
  }
}

async function enrol({ manager }: DataSource): Promise<Member> {
  return manager.save(
    manager.create(Member, {
      name: 'Bea',
      since: 2020,
      address: { street: 'High Street', town: 'Bath' },
      likes: { books: ['One'] },
      tags: ['a', 'b'],
      card: { number: 'c-1' },
      loans: [
        { title: 'One', place: 3 },
        { title: 'Two', place: 4 },
        { title: 'One', place: 5 },
      ],
    }),
  );
}

const withoutIds = (people: readonly Person[]): object[] =>
  people.map(({ id, ...rest }) => ({ ...rest, hasId: id.length > 0 }));

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async 'repositories read'(dataSource) {
    await shelve(dataSource);
    const books = dataSource.getRepository(Book);
    return [
      await books.find({ order: { id: 'ASC' } }),
      await books.find({ where: { sold: MoreThan(1) }, order: { title: 'DESC' }, skip: 1, take: 1 }),
      await books.find({
        where: [{ title: Like('T%') }, { sold: 0 }],
        select: { id: true, title: true },
        order: { id: 'ASC' },
      }),
      await books.findAndCount({ where: { author: { name: 'Ann' } }, order: { id: 'ASC' }, take: 2 }),
      await books.findBy({ title: In(['One', 'Three']) }),
      await books.findAndCountBy({ title: Not('One') }),
      await books.findOne({ where: { title: 'Two' }, loadRelationIds: true }),
      await books.findOneBy({ title: Raw((alias) => `${alias} = 'Two'`) }),
      await failure(books.findOneByOrFail({ title: 'None' })),
      await failure(books.findOneOrFail({ where: { title: 'None' } })),
      [
        await books.count(),
        await books.countBy({ sold: 4 }),
        await books.exists(),
        await books.existsBy({ sold: 9 }),
      ],
      [
        await books.sum('sold'),
        await books.average('sold'),
        await books.minimum('sold'),
        await books.maximum('sold', { sold: 0 }),
      ],
      await books.find({ relationLoadStrategy: 'query', relations: { labels: true }, order: { id: 'ASC' } }),
      await books.find({
        where: { deletedAt: IsNull() },
        comment: 'why not',
        order: { id: 'ASC' },
        transaction: true,
      }),
    ];
  },

  async 'repositories write'(dataSource) {
    await shelve(dataSource);
    const books = dataSource.getRepository(Book);
    const labels = dataSource.getRepository(Label);
    const preloaded = await books.preload({ id: 2, title: 'Two again' });
    const steps = [
      await books.save(preloaded ?? {}),
      await books.update({ id: 1 }, { title: 'One again', sold: () => 'sold + 5' }),
      await books.increment({ id: 1 }, 'sold', 2),
      await books.decrement({ id: 1 }, 'sold', 1),
      await labels.insert([{ text: 'green' }, { text: 'white' }]),
      await labels.upsert(
        [
          { id: 1, text: 'dark red' },
          { id: 9, text: 'black' },
        ],
        ['id'],
      ),
      await asItCan(() =>
        labels.upsert({ id: 1, text: 'red' }, { conflictPaths: ['id'], skipUpdateIfNoValuesChanged: true }),
      ),
      await books.softDelete({ id: 3 }),
      await books.find({ withDeleted: true, order: { id: 'ASC' } }),
      await books.restore(3),
      await labels.delete({ text: 'green' }),
      await books.remove(await books.findBy({ id: 2 })),
      await failure(books.update({}, { sold: 1 })),
      await books.updateAll({ sold: 1 }),
      await failure(dataSource.getRepository(Author).insert({ name: 'Ann' })),
    ];
    return [
      ...steps,
      await books.find({ order: { id: 'ASC' } }),
      await labels.find({ order: { id: 'ASC' } }),
    ];
  },

  async 'persistence with options'(dataSource) {
    const labels = Array.from({ length: 7 }, (_, index) => ({ text: `label ${index}` }));
    const { manager } = dataSource;
    Witness.heard = [];
    await manager.save(Label, labels, { chunk: 3, data: { by: 'me' } });
    await manager.save(Label, { id: 1, text: 'other' }, { transaction: false, reload: false });
    await manager.save(Label, { id: 2, text: 'quiet' }, { listeners: false });
    const book = await manager.save(manager.create(Book, { title: 'B', labels: [] }));
    await manager.softRemove(book);
    await manager.recover(book);
    await manager.remove(book, { data: 'bye' });
    return [Witness.heard, await manager.find(Label, { order: { id: 'ASC' } }), book];
  },

  async 'listeners and subscribers around failures'(dataSource) {
    await shelve(dataSource);
    Witness.heard = [];
    const failed = [
      await failure(dataSource.manager.save(Author, { name: 'Ann' })),
      await failure(
        dataSource.transaction(async (manager) => {
          await manager.save(Label, { text: 'lost' });
          throw new Error('changed my mind');
        }),
      ),
      await failure(dataSource.query('SELECT * FROM nowhere')),
      await failure(
        dataSource
          .createQueryBuilder(Label, 'l')
          .where(isPostgres ? 'l.id / 0 = 1' : 'l.id = (SELECT 1 UNION SELECT 2)')
          .getMany(),
      ),
    ];
    return [failed, Witness.heard, await dataSource.manager.count(Label)];
  },

  async 'active record'(dataSource) {
    Author.useDataSource(dataSource);
    const author = await Author.create({ name: 'Cid' }).save();
    await author.reload();
    await Author.update({ id: author.id }, { name: 'Cyd' });
    const found = await Author.find({ order: { id: 'ASC' } });
    const raw = await Author.createQueryBuilder('a').getRawMany();
    await found[0]?.remove();
    return [author, found, raw, await Author.count()];
  },

  async 'relations, lazy and eager'(dataSource) {
    await shelve(dataSource);
    const { manager } = dataSource;
    const book = await manager.findOneByOrFail(Book, { title: 'Three' });
    const author = await book.author;
    const others = await author?.books;
    const label = await manager.findOneByOrFail(Label, { text: 'red' });
    const relation = manager.createQueryBuilder().relation(Book, 'labels').of(1);
    await relation.add(label);
    await relation.addAndRemove([2], [1]);
    const loaded = await relation.loadMany();
    await manager.createQueryBuilder().relation(Book, 'author').of(1).set(null);
    const gone = await manager.createQueryBuilder().relation(Book, 'author').of(1).loadOne();
    return [book, author?.name, others, loaded, gone];
  },

  async 'cascades and orphans'(dataSource) {
    const { manager } = dataSource;
    await enrol(dataSource);
    const person = await manager.findOneOrFail(Person, {
      where: {},
      relations: { loans: true },
      order: { loans: { id: 'ASC' } },
    });
    person.loans.pop();
    person.loans.push(manager.create(Loan, { title: 'Four' }));
    await manager.save(person);
    const card = await manager.findOneOrFail(Card, { where: {}, relations: { member: true } });
    const loans = await manager.find(Loan, { order: { id: 'ASC' } });
    const [first, second] = loans;
    if (first && second) await manager.save(Loan, { ...first, related: [second] });
    const linked = await manager.find(Loan, { relations: { related: true }, order: { id: 'ASC' } });
    await manager.remove(person);
    return [
      withoutIds([card.member]).length,
      loans,
      linked.map(({ related }) => related.length),
      await manager.count(Loan),
      await manager.count(Card),
    ];
  },

  async 'inheritance, embedded, virtual and hidden columns'(dataSource) {
    const { manager } = dataSource;
    await enrol(dataSource);
    await manager.save(Clerk, { name: 'Dan', place: 'desk' });
    const people = await manager.find(Person, { order: { name: 'ASC' }, loadEagerRelations: true });
    const secret = await manager.findOne(Person, {
      where: { name: 'Dan' },
      select: { name: true, secret: true },
    });
    const inTown = await manager.findBy(Member, { address: { town: 'Bath' } });
    const words = await manager
      .createQueryBuilder(Loan, 'loan')
      .addSelect('loan.words')
      .orderBy('loan.id')
      .getMany();
    await manager.softDelete(Clerk, { name: 'Dan' });
    return [
      withoutIds(people),
      secret?.secret,
      inTown.length,
      words,
      await manager.count(Person),
      await manager.findBy(Clerk, {}),
    ];
  },

  async 'select builders'(dataSource) {
    await shelve(dataSource);
    const books = (): ReturnType<typeof make> => make();
    const make = () => dataSource.getRepository(Book).createQueryBuilder('book');
    const inner = books().subQuery().select('max(inner_book.sold)').from(Book, 'inner_book').getQuery();
    return [
      await books()
        .leftJoinAndSelect('book.labels', 'label')
        .orderBy('book.id')
        .addOrderBy('label.id')
        .getManyAndCount(),
      await books()
        .innerJoinAndMapOne('book.writer', 'book.author', 'author', 'author.name = :name', { name: 'Ann' })
        .orderBy('book.id')
        .take(2)
        .getMany(),
      await books()
        .select('count(*)', 'n')
        .addSelect('book.sold > 1', 'sells')
        .groupBy('sells')
        .having('count(*) > 0')
        .orderBy('n')
        .getRawMany(),
      await books().where(`book.sold = ${inner}`).getRawAndEntities(),
      await books()
        .where(new Brackets((where) => where.where('book.sold = 0').orWhere({ title: 'Two' })))
        .getCount(),
      ...(isPostgres ? [await books().distinctOn(['book.sold']).orderBy('book.sold').getMany()] : []),
      await books()
        .where('book.id IN (:...ids)', { ids: [1, 2] })
        .getExists(),
      await books().loadRelationIdAndMap('book.labelIds', 'book.labels').orderBy('book.id').getMany(),
      await books()
        .setFindOptions({ where: { title: 'One' }, relations: { labels: true } })
        .getOne(),
      await books()
        .addCommonTableExpression('SELECT 1 AS one', 'tiny')
        .innerJoin('tiny', 'tiny', 'tiny.one = book.id')
        .getOneOrFail(),
      await failure(books().where('book.id = 99').getOneOrFail()),
      await dataSource
        .createQueryBuilder()
        .select('name')
        .from((from) => from.select('a.name', 'name').from(Author, 'a'), 'named')
        .getRawOne(),
      await dataSource.createQueryBuilder(BestSeller, 'best').getMany(),
      await books()
        .leftJoin('book.labels', 'label')
        .useTransaction(true)
        .orderBy('book.id')
        .skip(1)
        .take(1)
        .getMany(),
    ];
  },

  async 'writing builders'(dataSource) {
    await shelve(dataSource);
    const builder = () => dataSource.createQueryBuilder();
    return [
      await asItCan(() =>
        builder()
          .insert()
          .into(Label)
          .values([{ text: 'x' }, { text: 'y' }])
          .returning('*')
          .execute(),
      ),
      await builder().insert().into(Author).values({ name: 'Ann' }).orIgnore().execute(),
      await builder()
        .insert()
        .into(Author)
        .values({ id: 1, name: 'Anne' })
        .orUpdate(['name'], ['id'])
        .execute(),
      await asItCan(() =>
        builder()
          .update(Book)
          .set({ sold: () => 'sold * 2' })
          .where('id = :id', { id: 2 })
          .returning(['sold', 'version'])
          .execute(),
      ),
      await builder()
        .update(Book)
        .set({ title: 'T' })
        .whereEntity(await dataSource.manager.findOneByOrFail(Book, { id: 1 }))
        .execute(),
      await builder().softDelete().from(Book).where('id = 3').execute(),
      await builder().restore().from(Book).where('id = 3').useTransaction(true).execute(),
      await asItCan(() =>
        builder().delete().from(Label).where(`text = 'x'`).returning('id').useTransaction(true).execute(),
      ),
      await builder()
        .insert()
        .into(Label)
        .values({ text: 'z' })
        .callListeners(false)
        .updateEntity(false)
        .execute(),
      await dataSource.manager.find(Book, { order: { id: 'ASC' } }),
    ];
  },

  async locks(dataSource) {
    await shelve(dataSource);
    return dataSource.transaction(async (manager) => [
      await manager.findOne(Book, {
        where: { id: 1 },
        lock: { mode: 'pessimistic_write', ...(isPostgres && { tables: ['book'] }) },
        loadEagerRelations: false,
      }),
      // Of the type mysql, TypeORM takes MariaDB for MySQL 8, and writes FOR SHARE.
      await asItCan(() => manager.createQueryBuilder(Label, 'l').setLock('pessimistic_read').getMany()),
      await manager
        .createQueryBuilder(Label, 'l')
        .setLock('pessimistic_write')
        .setOnLocked('skip_locked')
        .getMany(),
      await manager
        .createQueryBuilder(Label, 'l')
        .setLock(isPostgres ? 'for_no_key_update' : 'pessimistic_write')
        .setOnLocked('nowait')
        .getMany(),
      ...(isPostgres
        ? [await manager.createQueryBuilder(Label, 'l').setLock('for_key_share').getMany()]
        : []),
      await failure(manager.findOne(Book, { where: { id: 1 }, lock: { mode: 'optimistic', version: 9 } })),
      await failure(dataSource.createQueryBuilder(Label, 'l').setLock('pessimistic_write').getMany()),
    ]);
  },

  async transactions(dataSource) {
    const seen: unknown[] = [];
    await dataSource.transaction('REPEATABLE READ', async (outer) => {
      await outer.save(Label, { text: 'kept' });
      seen.push(
        await failure(
          outer.transaction(async (inner) => {
            await inner.insert(Label, { text: 'undone' });
            seen.push(await inner.count(Label), inner.queryRunner === outer.queryRunner);
            throw new Error('inner');
          }),
        ),
      );
      await outer.transaction(async (inner) => inner.insert(Label, { text: 'nested' }));
      seen.push(await outer.find(Label, { order: { id: 'ASC' } }));
      seen.push(await outer.query(isPostgres ? 'SHOW transaction_isolation' : 'SELECT @@tx_isolation'));
    });
    seen.push(await dataSource.transaction('SERIALIZABLE', (manager) => manager.count(Label)));
    seen.push(
      await dataSource.manager.transaction((manager) =>
        Promise.all([manager.count(Label), manager.findBy(Label, {}), manager.query('SELECT 1 AS one')]),
      ),
    );
    seen.push(await dataSource.manager.find(Label, { order: { id: 'ASC' } }));
    return seen;
  },

  async 'a query runner by hand'(dataSource) {
    const runner = dataSource.createQueryRunner();
    const states: unknown[] = [];
    const note = (): void =>
      void states.push([
        runner.isTransactionActive,
        runner.isReleased,
        runner.getReplicationMode(),
        runner.data,
      ]);
    runner.data['who'] = 'me';
    note();
    states.push(await failure(runner.commitTransaction()), await failure(runner.rollbackTransaction()));
    await runner.connect();
    await runner.startTransaction();
    note();
    await runner.manager.save(Label, { text: 'kept' });
    await runner.startTransaction();
    await runner.manager.save(Label, { text: 'undone' });
    await runner.rollbackTransaction();
    note();
    await runner.commitTransaction();
    note();
    states.push(await runner.query(isPostgres ? 'SELECT $1::int AS n' : 'SELECT ? AS n', [7]));
    states.push(await runner.query('UPDATE label SET text = text', [], true));
    states.push(await runner.manager.count(Label));
    await runner.release();
    note();
    await runner.release();
    states.push(
      await failure(runner.query('SELECT 1')),
      await failure(runner.connect().then(() => 'connected')),
      await failure(runner.startTransaction()),
    );
    return states;
  },

  async 'a transaction that fails'(dataSource) {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    const failures = [
      await failure(runner.query(FAILING.sql)),
      await failure(runner.manager.count(Label)),
      await failure(runner.commitTransaction().then(() => 'committed')),
    ];
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    await runner.release();
    return [failures, await dataSource.manager.count(Label)];
  },

  async 'a read in a runner that only reads'(dataSource) {
    await shelve(dataSource);
    const runner = dataSource.createQueryRunner('slave');
    const mode = runner.getReplicationMode();
    const answers = [
      await runner.manager.find(Label, { order: { id: 'ASC' } }),
      await dataSource.createQueryBuilder(Book, 'book', runner).orderBy('book.id').getMany(),
      await dataSource.createQueryBuilder(Label, 'l').setQueryRunner(runner).getCount(),
    ];
    await runner.release();
    return [mode, answers];
  },

  async 'tables of a query runner'(dataSource) {
    const runner = dataSource.createQueryRunner();
    await runner.createTable(
      new Table({ name: 'shelf', columns: [{ name: 'id', type: 'int', isPrimary: true }] }),
    );
    await runner.addColumn('shelf', new TableColumn({ name: 'height', type: 'int', isNullable: true }));
    await runner.createIndex('shelf', new TableIndex({ name: 'by_height', columnNames: ['height'] }));
    await runner.renameColumn('shelf', 'height', 'width');
    const table = await runner.getTable('shelf');
    const states = [
      table?.columns.map(({ name, type }) => `${name} ${type}`),
      table?.indices.map(({ columnNames }) => columnNames),
      await runner.hasTable('shelf'),
      await runner.hasColumn('shelf', 'height'),
      await asItCan(() => runner.getCurrentSchema()),
      await asItCan(() => runner.hasSchema('nothing')),
    ];
    runner.enableSqlMemory();
    await runner.dropColumn('shelf', 'width');
    states.push(runner.getMemorySql().upQueries.map(({ query }) => query));
    runner.clearSqlMemory();
    runner.disableSqlMemory();
    await runner.renameTable('shelf', 'rack');
    await runner.clearTable('rack');
    await runner.dropTable('rack');
    await runner.release();
    return states;
  },

  async migrations(dataSource) {
    const names = (ran: readonly { name: string }[]): string[] => ran.map(({ name }) => name);
    const states: unknown[] = [await dataSource.showMigrations()];
    states.push(
      names(await dataSource.runMigrations({ transaction: 'each' })),
      await dataSource.showMigrations(),
    );
    states.push(await dataSource.query(`SELECT ${COUNT} FROM shelf`));
    await dataSource.undoLastMigration({ transaction: 'none' });
    states.push(names(await dataSource.runMigrations({ transaction: 'all' })));
    await dataSource.undoLastMigration({ fake: true });
    states.push(names(await dataSource.runMigrations({ fake: true })));
    await dataSource.undoLastMigration();
    await dataSource.undoLastMigration();
    await dataSource.query('DROP TABLE migrations');
    return states;
  },

  async 'the schema builder'(dataSource) {
    const before = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.query('ALTER TABLE label DROP COLUMN text');
    const after = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.synchronize();
    const again = await dataSource.driver.createSchemaBuilder().log();
    return [before, after, again].map(({ upQueries }) => upQueries.map(({ query }) => query));
  },

  async 'the result cache'(dataSource) {
    await shelve(dataSource);
    const cached = () =>
      dataSource
        .getRepository(Label)
        .find({ order: { id: 'ASC' }, cache: { id: 'labels', milliseconds: 60_000 } });
    const before = await cached();
    await dataSource.manager.insert(Label, { text: 'new' });
    const kept = await cached();
    await dataSource.queryResultCache?.remove(['labels']);
    const fresh = await cached();
    const counted = await dataSource.createQueryBuilder(Label, 'l').cache(60_000).getManyAndCount();
    await dataSource.queryResultCache?.clear();
    return [before.length, kept.length, fresh.length, counted];
  },

  async streams(dataSource) {
    await shelve(dataSource);
    const rows: unknown[] = [];
    for await (const row of await dataSource.createQueryBuilder(Book, 'book').orderBy('book.id').stream())
      rows.push(row);
    const runner = dataSource.createQueryRunner();
    const ends: string[] = [];
    const stream = await runner.stream(
      'SELECT text FROM label ORDER BY id',
      [],
      () => ends.push('end'),
      () => ends.push('error'),
    );
    for await (const row of stream) rows.push(row);
    await runner.release();
    return [rows, ends];
  },

  async 'SQL of the application'(dataSource) {
    await shelve(dataSource);
    const id = 2;
    return [
      await dataSource.query(`SELECT title FROM book WHERE id = ${PARAMETER}`, [id]),
      await dataSource.sql`SELECT title FROM book WHERE id = ${id}`,
      await (isPostgres
        ? dataSource.manager.sql`UPDATE book SET sold = 7 WHERE id = ${id} RETURNING sold`
        : dataSource.manager.sql`UPDATE book SET sold = 7 WHERE id = ${id}`),
      await dataSource.getRepository(Book).query('DELETE FROM book WHERE id = 1'),
      await dataSource.manager.query(`INSERT INTO label (text) VALUES (${PARAMETER}) RETURNING *`, ['raw']),
      await dataSource.query(
        isPostgres
          ? 'WITH moved AS (DELETE FROM label WHERE text = $1 RETURNING *) SELECT * FROM moved'
          : 'DELETE FROM label WHERE text = ? RETURNING *',
        ['raw'],
      ),
      await failure(dataSource.query('SELEC 1')),
    ];
  },

  async 'slow queries are said to be slow'(dataSource) {
    const runner = dataSource.createQueryRunner('slave');
    const [row] = await runner.query(`SELECT ${SLEEP}(1.2)`);
    await runner.release();
    return [row];
  },

  async 'nothing, for as long as the monitor takes to look twice'() {
    await sleep(2_500);
    return 'nothing';
  },

  async 'custom repositories'(dataSource) {
    const labels = dataSource.getRepository(Label).extend({
      named(text: string) {
        return this.findOneBy({ text });
      },
      add(text: string) {
        return this.save({ text });
      },
    });
    await labels.add('mine');
    const inside = await dataSource.transaction(async (manager) => {
      const mine = manager.withRepository(labels);
      await mine.add('theirs');
      return [await mine.named('theirs'), mine.manager === manager];
    });
    return [await labels.named('mine'), inside, await labels.count()];
  },

  ...Object.fromEntries(CATEGORIES.map((Category) => [`a tree: ${Category.name}`, treeOf(Category)])),
};

function treeOf(Category: (typeof CATEGORIES)[number]): Scenario {
  return async (dataSource) => {
    const trees = dataSource.getTreeRepository<{
      id: number;
      name: string;
      parent: unknown;
      children: unknown[];
    }>(Category);
    const root = await trees.save({ name: 'root', parent: null });
    const child = await trees.save({ name: 'child', parent: root });
    const leaf = await trees.save({ name: 'leaf', parent: child });
    const states = [
      await trees.findTrees(),
      await trees.findRoots(),
      await trees.findDescendants(root),
      await trees.findDescendantsTree(child),
      await trees.findAncestors(leaf),
      await trees.findAncestorsTree(leaf),
      [await trees.countDescendants(root), await trees.countAncestors(leaf)],
    ];
    await trees.save({ ...leaf, parent: root });
    states.push(await trees.findTrees());
    await trees.remove({ ...leaf });
    return [...states, await trees.findTrees()];
  };
}
