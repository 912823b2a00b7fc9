import { IS_REPLICA as isReplica, SESSION_ID, YES, NO } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getPrimaryDataSourceToken, getReplicaDataSourceToken } from 'nestjs-replicated';
import { waitUntil } from 'nestjs-replicated/testing';
import type { DataSource, Logger, MigrationInterface, QueryRunner } from 'typeorm';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

class AddNotes1700000000000 implements MigrationInterface {
  readonly name = 'AddNotes1700000000000';
  up(runner: QueryRunner): Promise<unknown> {
    return runner.query('CREATE TABLE note (n int)');
  }
  down(runner: QueryRunner): Promise<unknown> {
    return runner.query('DROP TABLE note');
  }
}

const IS_REPLICA = `SELECT ${isReplica}`;

describe('the routed DataSource as a DataSource', () => {
  let db: RoutedDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    db = await openRouted({
      entities: [Author, Book, Label],
      more: { migrations: [AddNotes1700000000000] },
    });
    ({ dataSource } = db);
  });
  afterAll(() => db?.close());

  it('drops and builds its schema', async () => {
    await dataSource.synchronize(true);
    await dataSource.dropDatabase();
    await dataSource.synchronize();
    expect(await dataSource.getRepository(Label).count()).toBe(0);
  });

  it('runs and reverts migrations', async () => {
    const runner = dataSource.createQueryRunner();
    expect(await dataSource.showMigrations()).toBe(true);
    await dataSource.runMigrations();
    expect(await runner.hasTable('note')).toBe(true);
    await dataSource.undoLastMigration();
    expect(await runner.hasTable('note')).toBe(false);
    await runner.release();
  });

  it('is the DataSource of everything it makes', async () => {
    const runner = dataSource.createQueryRunner('slave');
    const owner = (of: object): unknown => Reflect.get(of, 'dataSource') ?? Reflect.get(of, 'connection');
    await runner.connect();
    expect(owner(runner)).toBe(dataSource);
    expect(owner(runner.manager)).toBe(dataSource);
    expect(owner(runner.manager.createQueryBuilder())).toBe(dataSource);
    await runner.release();
  });

  it.each([
    ['primary', undefined, 'master'],
    ['primary', 'slave', 'slave'],
    ['replica', undefined, 'slave'],
    ['replica', 'master', 'master'],
  ] as const)(
    'under %s intent, a runner asked for as %s says that it is a %s',
    async (intent, asked, said) => {
      const runner = db.selector.run({ intent }, () => dataSource.createQueryRunner(asked));
      expect(runner.getReplicationMode()).toBe(said);
      await runner.release();
    },
  );

  it('a runner keeps the route of where it was made, whenever it is used', async () => {
    const [reader, writer] = [
      db.selector.run({ intent: 'replica' }, () => dataSource.createQueryRunner()),
      dataSource.createQueryRunner(),
    ];
    expect(await reader.query(IS_REPLICA)).toEqual([{ isReplica: YES }]);
    await db.reading(async () => expect(await writer.query(IS_REPLICA)).toEqual([{ isReplica: NO }]));
    await Promise.all([reader.release(), writer.release()]);
  });

  it('one connection serves a runner until its end, and none after it', async () => {
    await db.reading(async () => {
      const runner = dataSource.createQueryRunner();
      const pidOf = async (): Promise<number> => (await runner.query(`SELECT ${SESSION_ID} AS pid`))[0].pid;
      expect(await pidOf()).toBe(await pidOf());
      await runner.release();
      await runner.release();
      await expect(runner.query('SELECT 1')).rejects.toMatchObject({
        name: 'QueryRunnerAlreadyReleasedError',
      });
    });
  });

  it('a logger that is set at run time hears of reads on the replica', async () => {
    const logged: string[] = [];
    const before = dataSource.logger;
    const silent = (): void => undefined;
    const logger: Logger = {
      logQuery: (sql) => void logged.push(sql),
      logQueryError: silent,
      logQuerySlow: silent,
      logSchemaBuild: silent,
      logMigration: silent,
      log: silent,
    };
    dataSource.setOptions({ logger, logging: true });
    await db.reading(() => dataSource.query(IS_REPLICA));
    dataSource.logger = before;
    expect(logged).toEqual([IS_REPLICA]);
  });

  it('its views share its life', async () => {
    const primary: DataSource = db.module.get(getPrimaryDataSourceToken());
    const replica: DataSource = db.module.get(getReplicaDataSourceToken());
    expect(await replica.query(IS_REPLICA)).toEqual([{ isReplica: YES }]);
    expect(await db.reading(() => primary.query(IS_REPLICA))).toEqual([{ isReplica: NO }]);
    await replica.destroy();
    expect([dataSource, primary, replica].map(({ isInitialized }) => isInitialized)).toEqual([
      false,
      false,
      false,
    ]);
    await primary.initialize();
    expect([dataSource, primary, replica].map(({ isInitialized }) => isInitialized)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('routes again after it was destroyed and initialised', async () => {
    await dataSource.destroy();
    expect(dataSource.isInitialized).toBe(false);
    await expect(dataSource.destroy()).rejects.toMatchObject({ name: 'CannotExecuteNotConnectedError' });
    await dataSource.initialize();
    await expect(dataSource.initialize()).rejects.toMatchObject({
      name: 'CannotConnectAlreadyConnectedError',
    });
    await dataSource.getRepository(Label).insert({ text: 'again' });
    // No replica is read before its monitor has seen it replay what the primary had at the start.
    await waitUntil(
      async () => {
        const [route] = await db.routesOf(() => db.reading(() => dataSource.getRepository(Label).count()));
        return route?.role === 'replica';
      },
      { timeoutMs: 5_000 },
    );
    expect(await db.reading(() => dataSource.getRepository(Label).countBy({ text: 'again' }))).toBe(1);
  });
});
