import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  InjectDataSource,
  InjectEntityManager,
  InjectRepository,
  TypeOrmModule,
  getDataSourceToken,
  getEntityManagerToken,
  getRepositoryToken,
  type TypeOrmOptionsFactory,
} from '@nestjs/typeorm';
import {
  ConnectionSelector,
  InjectCluster,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
  getClusterToken,
  getPrimaryDataSourceToken,
  getReplicaDataSourceToken,
  getReplicatedRepositoryToken,
  toDataSourceOptions,
  type ReplicatedModuleOptions,
  type ReplicatedOptionsFactory,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource, EntityManager, EntitySchema, Repository } from 'typeorm';
import { TYPE } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { SILENT, optionsFor, openApp, startSeededCluster } from '../support/open-app.js';

const NoteSchema = new EntitySchema<{ id: number; text: string }>({
  name: 'NoteRow',
  tableName: 'note',
  columns: { id: { type: 'int', primary: true, generated: true }, text: { type: 'text' } },
});

@Injectable()
class Everything {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    @InjectReplicatedRepository(Note) readonly replicated: ReplicatedRepository<Note>,
    @InjectDataSource() readonly dataSource: DataSource,
    @InjectEntityManager() readonly manager: EntityManager,
    @InjectConnectionSelector() readonly selector: ConnectionSelector,
    @InjectCluster() readonly cluster: ReplicationCluster,
    readonly selectorByClass: ConnectionSelector,
    readonly clusterByClass: ReplicationCluster,
  ) {}
}

describe('registration', () => {
  let postgres: PostgresCluster;
  let app: INestApplicationContext | undefined;
  beforeAll(async () => {
    postgres = await startSeededCluster();
  });
  afterAll(() => postgres.stop());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const options = (others: Partial<ReplicatedModuleOptions> = {}): ReplicatedModuleOptions =>
    optionsFor(postgres, others);

  async function start(
    root: DynamicModule | readonly DynamicModule[],
    adjust = (builder: TestingModuleBuilder) => builder,
  ): Promise<Everything> {
    const imports = [...[root].flat(), ReplicatedModule.forFeature([Note])];
    const builder = Test.createTestingModule({ imports, providers: [Everything] }).setLogger(SILENT);
    app = await (await adjust(builder).compile()).init();
    return app.get(Everything);
  }

  async function expectRouting({ notes, selector }: Everything): Promise<void> {
    expect(await serverOf(notes)).toBe('primary');
    expect(await selector.useReplica(() => serverOf(notes))).toBe('replica');
  }

  it('forRoot makes everything injectable, by decorator and by class', async () => {
    const all = await start(ReplicatedModule.forRoot(options()));
    expect(all.notes).toBeInstanceOf(Repository);
    expect(all.replicated).toBeInstanceOf(ReplicatedRepository);
    expect(all.dataSource).toBeInstanceOf(DataSource);
    expect(all.manager).toBe(all.dataSource.manager);
    expect(all.selectorByClass).toBe(all.selector);
    expect(all.clusterByClass).toBe(all.cluster);
    expect(all.cluster.nodes.map(({ name }) => name)).toEqual(['primary', 'replica-1']);
    await expectRouting(all);
  });

  it("a name beside the options is the cluster's, as with TypeOrmModule, and forFeature takes what has it", async () => {
    const named = ReplicatedModule.forRoot(options({ name: 'in-the-options' }), 'orders');
    const imports = [named, ReplicatedModule.forFeature([Note], { name: 'orders' })];
    const module = await Test.createTestingModule({ imports }).setLogger(SILENT).compile();
    app = await module.init();
    expect(await serverOf(app.get(getRepositoryToken(Note, 'orders')))).toBe('primary');
    expect(app.get(getReplicatedRepositoryToken(Note, 'orders'))).toBeInstanceOf(ReplicatedRepository);
    expect(app.get(getClusterToken('orders')).name).toBe('orders');
  });

  it('the DataSources of one role are injectable', async () => {
    await start(ReplicatedModule.forRoot(options()));
    const of = (token: symbol) => serverOf(app!.get<DataSource>(token).getRepository(Note));
    expect([await of(getPrimaryDataSourceToken()), await of(getReplicaDataSourceToken())]).toEqual([
      'primary',
      'replica',
    ]);
  });

  describe('forRootAsync', () => {
    @Injectable()
    class Settings {
      readonly options = options;
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}

    it('useFactory, with imports and inject', async () => {
      await expectRouting(
        await start(
          ReplicatedModule.forRootAsync({
            imports: [SettingsModule],
            inject: [Settings],
            useFactory: async (settings: Settings) => settings.options(),
          }),
        ),
      );
    });

    it('useClass with createReplicatedOptions', async () => {
      class Factory {
        createReplicatedOptions(): ReplicatedModuleOptions {
          return options();
        }
      }
      await expectRouting(await start(ReplicatedModule.forRootAsync({ useClass: Factory })));
    });

    it('useClass with what a TypeOrmModule had: createTypeOrmOptions', async () => {
      class Factory {
        async createTypeOrmOptions(): Promise<ReplicatedModuleOptions> {
          return options();
        }
      }
      await expectRouting(await start(ReplicatedModule.forRootAsync({ useClass: Factory })));
    });

    it('useClass whose class injects from the imports', async () => {
      @Injectable()
      class Factory {
        constructor(private readonly settings: Settings) {}
        createReplicatedOptions(): ReplicatedModuleOptions {
          return this.settings.options();
        }
      }
      await expectRouting(
        await start(ReplicatedModule.forRootAsync({ imports: [SettingsModule], useClass: Factory })),
      );
    });

    it('useExisting, told the name of the cluster', async () => {
      const names: unknown[] = [];
      class Factory {
        createReplicatedOptions(name?: string): ReplicatedModuleOptions {
          names.push(name);
          return options();
        }
      }
      @Module({ providers: [Factory], exports: [Factory] })
      class FactoryModule {}
      await expectRouting(
        await start(ReplicatedModule.forRootAsync({ imports: [FactoryModule], useExisting: Factory })),
      );
      expect(names).toEqual([undefined]);
    });

    it('options that are instances of classes, with getters, as configuration classes have them', async () => {
      class Server {
        readonly name: string | undefined = undefined;
        constructor(private readonly server: { readonly url: string }) {}
        get url(): string {
          return this.server.url;
        }
      }
      class Routing {
        readonly explainHeader = true;
        get onReplicaWrite() {
          return 'promote' as const;
        }
      }
      class Shared {
        readonly type = TYPE;
        readonly entities = [Note];
        get primary(): Server {
          return new Server(postgres.primary);
        }
      }
      @Injectable()
      class Database extends Shared {
        readonly replicas = postgres.replicas.map((replica) => new Server(replica));
        get routing(): Routing {
          return new Routing();
        }
      }
      @Module({ providers: [Database], exports: [Database] })
      class DatabaseModule {}
      const all = await start(
        ReplicatedModule.forRootAsync({
          imports: [DatabaseModule],
          inject: [Database],
          useFactory: (database: Database) => database as ReplicatedModuleOptions,
        }),
      );
      await expectRouting(all);
      expect(toDataSourceOptions(new Database() as ReplicatedModuleOptions)).toMatchObject({
        type: TYPE,
        url: postgres.primary.url,
      });
    });

    it('a class whose validation fails stops the start at once, with its own words', async () => {
      class Factory {
        createReplicatedOptions(): ReplicatedModuleOptions {
          throw new Error('PRIMARY_URL must be a URL');
        }
      }
      const root = ReplicatedModule.forRootAsync({ useClass: Factory });
      await expect(start(root)).rejects.toThrow('PRIMARY_URL must be a URL');
    });

    it('one class for this module and for a TypeOrmModule, as of a program that seeds', async () => {
      class Factory implements ReplicatedOptionsFactory, TypeOrmOptionsFactory {
        createReplicatedOptions(): ReplicatedModuleOptions {
          return options();
        }
        createTypeOrmOptions() {
          return toDataSourceOptions(this.createReplicatedOptions());
        }
      }
      await expectRouting(await start(ReplicatedModule.forRootAsync({ useClass: Factory })));
      await app?.close();
      const imports = [TypeOrmModule.forRootAsync({ useClass: Factory }), TypeOrmModule.forFeature([Note])];
      const seeding = await Test.createTestingModule({ imports }).setLogger(SILENT).compile();
      app = await seeding.init();
      expect(await serverOf(app.get(getRepositoryToken(Note)))).toBe('primary');
    });

    it.each([undefined, 'orders'])(
      'a factory that gives the cluster %s another name is refused, since it would share the state of that one',
      async (name) => {
        const module = Test.createTestingModule({
          imports: [
            ReplicatedModule.forRootAsync({
              ...(name === undefined ? {} : { name }),
              useFactory: () => options({ name: 'other' }),
            }),
          ],
        });
        await expect(module.setLogger(SILENT).compile()).rejects.toMatchObject({
          code: 'ERR_REPLICATED_INVALID_OPTIONS',
          message: expect.stringContaining(`registered as "${name ?? 'default'}"`),
        });
      },
    );

    it('extraProviders can be injected', async () => {
      const token = Symbol('url');
      await expectRouting(
        await start(
          ReplicatedModule.forRootAsync({
            extraProviders: [{ provide: token, useValue: postgres.primary.url }],
            inject: [token],
            useFactory: (url: string) => ({ ...options(), primary: { url } }) as ReplicatedModuleOptions,
          }),
        ),
      );
    });

    it('dataSourceFactory wraps what create makes', async () => {
      const seen: unknown[] = [];
      const all = await start(
        ReplicatedModule.forRootAsync({
          useFactory: () => options(),
          dataSourceFactory: async (given, create) => {
            const dataSource = create(given);
            seen.push(dataSource, dataSource.isInitialized);
            return dataSource;
          },
        }),
      );
      expect(seen).toEqual([all.dataSource, false]);
      await expectRouting(all);
    });

    it('dataSourceFactory that makes a DataSource of its own is refused at once: it would route nothing', async () => {
      let calls = 0;
      const module = Test.createTestingModule({
        imports: [
          ReplicatedModule.forRootAsync({
            useFactory: () => options({ retryAttempts: 5, retryDelay: 60_000 }),
            dataSourceFactory: () => {
              calls += 1;
              return new DataSource({ type: TYPE, url: postgres.primary.url });
            },
          }),
        ],
      });
      await expect(module.setLogger(SILENT).compile()).rejects.toMatchObject({
        code: 'ERR_REPLICATED_INVALID_OPTIONS',
        message: expect.stringContaining('(options, create) => create(options)'),
      });
      expect(calls).toBe(1);
    });

    it.each<[string, () => DynamicModule]>([
      ['a factory', () => ReplicatedModule.forRootAsync({ useFactory: (() => undefined) as never })],
      ['forRoot', () => ReplicatedModule.forRoot(undefined as never)],
    ])('%s without options is told so', async (_which, root) => {
      const module = Test.createTestingModule({ imports: [root()] });
      await expect(module.setLogger(SILENT).compile()).rejects.toMatchObject({
        code: 'ERR_REPLICATED_INVALID_OPTIONS',
        message: expect.stringContaining('expected an object'),
      });
    });

    it('dataSourceFactory may initialize it itself', async () => {
      await expectRouting(
        await start(
          ReplicatedModule.forRootAsync({
            useFactory: () => options(),
            dataSourceFactory: (given, create) => create(given).initialize(),
          }),
        ),
      );
    });
  });

  it('takes the replication option of TypeORM', async () => {
    const { primary: _primary, replicas: _replicas, ...others } = options();
    const [replica] = postgres.replicas;
    const replication = { master: { url: postgres.primary.url }, slaves: [{ url: replica?.url }] };
    await expectRouting(await start(ReplicatedModule.forRoot({ ...others, replication })));
  });

  it('autoLoadEntities loads the entities of forFeature, classes and schemas', async () => {
    const { entities: _entities, ...others } = options({ autoLoadEntities: true });
    const all = await start([
      ReplicatedModule.forRoot(others as ReplicatedModuleOptions),
      ReplicatedModule.forFeature([NoteSchema]),
    ]);
    expect(all.dataSource.hasMetadata(NoteSchema)).toBe(true);
    expect(
      await app!.get<Repository<{ id: number }>>(getRepositoryToken(NoteSchema)).countBy({ id: 1 }),
    ).toBe(1);
    const replicated = app!.get<ReplicatedRepository<{ id: number }>>(
      getReplicatedRepositoryToken(NoteSchema),
    );
    expect(await replicated.replica.countBy({ id: 1 })).toBe(1);
    await expectRouting(all);
  });

  it('the bare class does no harm', async () => {
    @Module({ imports: [ReplicatedModule] })
    class Shared {}
    await expectRouting(await start([ReplicatedModule.forRoot(options()), { module: Shared }]));
    const alone = await Test.createTestingModule({ imports: [ReplicatedModule] }).compile();
    await expect(alone.init()).resolves.toBeDefined();
    await alone.close();
  });

  it('forFeature without a forRoot behaves as with TypeOrmModule: Nest names what is missing', async () => {
    const module = Test.createTestingModule({ imports: [ReplicatedModule.forFeature([Note])] }).setLogger(
      SILENT,
    );
    await expect(module.compile()).rejects.toThrow(/NoteRepository/);
  });

  it.each([undefined, 'orders'])(
    'a second registration of the name %s is refused by name, before anything connects',
    async (name) => {
      let asked = 0;
      const count = () => {
        asked += 1;
        return options();
      };
      const named = name === undefined ? {} : { name };
      const module = Test.createTestingModule({
        imports: [
          ReplicatedModule.forRootAsync({ name: 'other', useFactory: count }),
          ReplicatedModule.forRootAsync({ ...named, useFactory: count }),
          ReplicatedModule.forRoot(options(named)),
        ],
      });
      await expect(module.setLogger(SILENT).compile()).rejects.toMatchObject({
        code: 'ERR_REPLICATED_USAGE',
        message: expect.stringContaining(`cluster named "${name ?? 'default'}" is registered already`),
      });
      expect(asked).toBe(0);
    },
  );

  it('the same name in a second application is another cluster', async () => {
    const first = await start(ReplicatedModule.forRoot(options()));
    const firstApp = app;
    const second = await start(ReplicatedModule.forRoot(options()));
    expect(second.cluster).not.toBe(first.cluster);
    await firstApp?.close();
    await expectRouting(second);
  });

  describe('without replicas', () => {
    const alone = () => options({ replicas: [], routing: {} });

    it('behaves as TypeOrmModule', async () => {
      const { notes, selector, replicated } = await start(ReplicatedModule.forRoot(alone()));
      expect(await selector.useReplica(() => serverOf(notes))).toBe('primary');
      await expect(selector.useReplica(() => notes.save({ text: 'allowed' }))).resolves.toBeDefined();
      expect(await serverOf(replicated.replica)).toBe('primary');
      expect(selector.route).toBeUndefined();
    });

    it('the guard against writes is there when asked for', async () => {
      const { notes, selector } = await start(
        ReplicatedModule.forRoot(options({ replicas: [], routing: { onReplicaWrite: 'reject' } })),
      );
      const refused = { code: 'ERR_REPLICATED_REPLICA_WRITE' };
      await expect(selector.useReplica(() => notes.save({ text: 'x' }))).rejects.toMatchObject(refused);
      await expect(selector.useReplica(() => notes.insert({ text: 'x' }))).rejects.toMatchObject(refused);
      expect(await selector.useReplica(() => serverOf(notes))).toBe('primary');
    });

    it('no guard and no middleware is inserted', async () => {
      expect(await insertedBy(ReplicatedModule.forRoot(alone()))).toEqual(
        await insertedBy(TypeOrmModule.forRoot({ type: TYPE, url: postgres.primary.url })),
      );
      expect(await insertedBy(ReplicatedModule.forRoot(options()))).toEqual({ guards: 1, middlewares: 6 });
    });

    async function insertedBy(root: DynamicModule): Promise<object> {
      const site = await openApp({ imports: [root] });
      const guards = site.app.get(ApplicationConfig, { strict: false }).getGlobalGuards();
      const express = site.app.getHttpAdapter().getInstance() as { router: { stack: unknown[] } };
      await site.app.close();
      return { guards: guards.length, middlewares: express.router.stack.length };
    }
  });

  describe('in tests of applications', () => {
    it('the DataSource can be overridden by a plain one', async () => {
      const plain = new DataSource({ type: TYPE, url: postgres.primary.url, entities: [Note] });
      await plain.initialize();
      const all = await start(ReplicatedModule.forRoot(options()), (builder) =>
        builder.overrideProvider(getDataSourceToken()).useValue(plain),
      );
      expect(all.replicated.primary).toBe(all.replicated);
      expect(all.replicated.replica).toBe(all.replicated);
      expect(await all.selector.useReplica(() => serverOf(all.replicated))).toBe('primary');
      expect(all.selector.dataSource).toBe(plain);
      expect(app!.get(getReplicaDataSourceToken())).toBe(plain);
      expect(all.cluster.nodes).toHaveLength(1);
      await all.selector.run({ intent: 'replica' }, () => all.notes.save({ text: 'plain' }));
      expect(await all.selector.token()).toBeUndefined();
    });

    it('repositories can be overridden by mocks, and the DataSource by nothing', async () => {
      const mock = { find: () => Promise.resolve([]) };
      const all = await start(ReplicatedModule.forRoot(options()), (builder) =>
        builder
          .overrideProvider(getDataSourceToken())
          .useValue({})
          .overrideProvider(getEntityManagerToken())
          .useValue({})
          .overrideProvider(getRepositoryToken(Note))
          .useValue(mock)
          .overrideProvider(getReplicatedRepositoryToken(Note))
          .useValue(mock),
      );
      expect(all.notes).toBe(mock);
      expect(all.replicated).toBe(mock);
      expect(all.selector.usePrimary(() => 1)).toBe(1);
    });
  });
});
