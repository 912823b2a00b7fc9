import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getRepositoryToken } from '@nestjs/typeorm';
import {
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  toDataSourceOptions,
  type ReplicatedModuleAsyncOptions,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { createServer, type AddressInfo, type Server } from 'node:net';
import mysql2 from 'mysql2';
import pg from 'pg';
import { DataSource, type DataSourceOptions, type Repository } from 'typeorm';
import { TYPE, isPostgres } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { SILENT, optionsFor, startSeededCluster } from '../support/open-app.js';

const DRIVER = isPostgres ? pg : mysql2;

type Factory = NonNullable<ReplicatedModuleAsyncOptions['dataSourceFactory']>;

class OwnDataSource extends DataSource {}

/** As factories of TypeOrmModule are written. */
const UNCHANGED: Record<string, (options: DataSourceOptions) => DataSource | Promise<DataSource>> = {
  'new DataSource(options)': (options) => new DataSource(options),
  'which it initializes': (options) => new DataSource(options).initialize(),
  'of a spread copy': (options) => new DataSource({ ...options, logging: true }).initialize(),
  'of a copy by Object.assign': (options) => new DataSource(Object.assign({}, options)).initialize(),
  'of options that it has changed': (options) =>
    new DataSource(Object.assign(options, { logging: true })).initialize(),
  'of a class of its own': (options) => new OwnDataSource(options).initialize(),
  'with the host of an environment variable': (options) =>
    new DataSource({ ...options, host: process.env['PGHOST'] } as DataSourceOptions).initialize(),
  "with the primary's url": (options) =>
    new DataSource({
      ...options,
      ...toDataSourceOptions(options as ReplicatedModuleOptions),
    } as DataSourceOptions).initialize(),
};

describe('a dataSourceFactory that makes a DataSource by itself', () => {
  let elsewhere: Listener;
  let primary: Listener;
  const environment = { ...process.env };
  beforeAll(async () => {
    [elsewhere, primary] = await Promise.all([listen(), listen()]);
  });
  afterAll(() => {
    elsewhere.server.close();
    primary.server.close();
  });
  beforeEach(() => {
    elsewhere.connections = primary.connections = 0;
    Object.assign(process.env, { PGHOST: '127.0.0.1', PGPORT: String(elsewhere.port) });
  });
  afterEach(() => {
    process.env = { ...environment };
  });

  (isPostgres ? it : it.skip)(
    'would connect to PGHOST, since TypeORM does not know the primary',
    async () => {
      const plain = { type: TYPE, primary: { host: '127.0.0.1', port: primary.port } } as const;
      await expect(new DataSource(plain as DataSourceOptions).initialize()).rejects.toThrow();
      expect([elsewhere.connections, primary.connections]).toEqual([1, 0]);
    },
  );

  describe.each<[string, () => Partial<ReplicatedModuleOptions>]>([
    ['a primary and a replica', () => ({ primary: primary.node, replicas: [elsewhere.node] })],
    ['a primary alone', () => ({ primary: primary.node, replicas: [] })],
    ["TypeORM's replication", () => ({ replication: { master: primary.node, slaves: [] } })],
    ['entities of forFeature', () => ({ primary: primary.node, replicas: [], autoLoadEntities: true })],
    [
      'a schema to drop and make',
      () => ({
        primary: primary.node,
        replicas: [],
        dropSchema: true,
        synchronize: true,
        migrationsRun: true,
      }),
    ],
  ])('of the options of %s', (_which, nodes) => {
    it.each(Object.entries(UNCHANGED))('is refused once, without a connection: %s', async (_how, factory) => {
      const calls = await expectRefusal(nodes(), factory as Factory);
      expect([calls, elsewhere.connections, primary.connections]).toEqual([1, 0, 0]);
    });
  });

  it('of a copy with a driver of its own is refused once, without a connection', async () => {
    const calls = await expectRefusal({ primary: primary.node, replicas: [] }, (options) =>
      new DataSource({ ...options, driver: DRIVER } as DataSourceOptions).initialize(),
    );
    expect([calls, elsewhere.connections, primary.connections]).toEqual([1, 0, 0]);
  });

  it('of a copy through JSON connects nowhere', async () => {
    const nodes = { primary: primary.node, replicas: [] };
    await expect(
      compile({ ...nodes, entities: [], retryAttempts: 1 }, (options) =>
        new DataSource(JSON.parse(JSON.stringify(options)) as DataSourceOptions).initialize(),
      ),
    ).rejects.toThrow();
    expect([elsewhere.connections, primary.connections]).toEqual([0, 0]);
  });

  it('of options that it knows by itself is refused when it is made, and closed', async () => {
    const postgres = await startSeededCluster(0);
    let made: DataSource | undefined;
    const calls = await expectRefusal({ primary: primary.node, replicas: [] }, async () => {
      made = await new DataSource({ type: TYPE, url: postgres.primary.url }).initialize();
      return made;
    });
    expect([calls, made?.isInitialized]).toEqual([1, false]);
    await postgres.stop();
  });

  it('that returns nothing is refused', async () => {
    expect(await expectRefusal({ primary: primary.node, replicas: [] }, (() => undefined) as never)).toBe(1);
  });
});

describe('a dataSourceFactory that returns what create makes', () => {
  let postgres: PostgresCluster;
  let app: INestApplicationContext | undefined;
  beforeAll(async () => {
    postgres = await startSeededCluster();
  });
  afterAll(() => postgres.stop());
  afterEach(() => app?.close());

  it.each<[string, Factory]>([
    ['the options', (options, create) => create(options)],
    ['a spread copy', (options, create) => create({ ...options, logging: ['error'] })],
    ['a copy by Object.assign', (options, create) => create(Object.assign({}, options))],
    ['changed options', (options, create) => create(Object.assign(options, { logging: ['error'] }))],
    ['a copy with a driver of its own', (options, create) => create({ ...options, driver: DRIVER } as never)],
    [
      'a copy through JSON',
      (options, create) => create({ ...JSON.parse(JSON.stringify(options)), entities: options.entities }),
    ],
  ])('of %s routes', async (_which, factory) => {
    app = await (await compile(optionsFor(postgres), factory)).init();
    const notes = app.get<Repository<Note>>(getRepositoryToken(Note));
    expect(await serverOf(notes)).toBe('primary');
    expect(await app.get(ConnectionSelector).useReplica(() => serverOf(notes))).toBe('replica');
  });

  it('may take TypeORM replication in place of primary', async () => {
    const { primary, replicas, ...others } = optionsFor(postgres);
    const replication = { master: primary ?? {}, slaves: replicas ?? [] };
    let read: unknown;
    app = await (
      await compile({ ...others, replication }, (options, create) => {
        read = options.replication;
        return create({ ...options, logging: ['error'] });
      })
    ).init();
    expect(read).toEqual(replication);
    const notes = app.get<Repository<Note>>(getRepositoryToken(Note));
    expect(await app.get(ConnectionSelector).useReplica(() => serverOf(notes))).toBe('replica');
  });

  it('may read the options and open its own connection to the primary before', async () => {
    let seen: unknown;
    app = await (
      await compile(optionsFor(postgres), async (options, create) => {
        const seed = await new DataSource(toDataSourceOptions(options)).initialize();
        seen = [options.type, options.entities, options.primary, await seed.getRepository(Note).count()];
        await seed.destroy();
        return create(options);
      })
    ).init();
    expect(seen).toEqual([TYPE, [Note], { url: postgres.primary.url }, 1]);
  });

  it('may get replicas at run time', async () => {
    const options = { ...optionsFor(postgres), replicas: [] };
    app = await (await compile(options, (given, create) => create({ ...given, logging: ['error'] }))).init();
    const cluster = app.get(ReplicationCluster);
    const [url] = postgres.replicas.map((replica) => replica.url);
    await cluster.addReplica({ url });
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['primary', 'replica-1']);
  });
});

async function expectRefusal(nodes: Partial<ReplicatedModuleOptions>, factory: Factory): Promise<number> {
  let calls = 0;
  const building = compile({ retryAttempts: 3, retryDelay: 1, ...nodes }, (...args) => {
    calls += 1;
    return factory(...args);
  });
  await expect(building).rejects.toMatchObject({
    code: 'ERR_REPLICATED_INVALID_OPTIONS',
    message: expect.stringContaining('dataSourceFactory: (options, create) => create(options)'),
  });
  return calls;
}

async function compile(
  options: Partial<ReplicatedModuleOptions>,
  dataSourceFactory: Factory,
): Promise<INestApplicationContext> {
  const useFactory = () => ({ type: TYPE, entities: [Note], ...options }) as ReplicatedModuleOptions;
  const imports = [
    ReplicatedModule.forRootAsync({ useFactory, dataSourceFactory }),
    ReplicatedModule.forFeature([Note]),
  ];
  return Test.createTestingModule({ imports }).setLogger(SILENT).compile();
}

/** A server that counts who comes, and hangs up. */
interface Listener {
  readonly server: Server;
  readonly port: number;
  readonly node: { readonly url: string };
  connections: number;
}

async function listen(): Promise<Listener> {
  const server = createServer((socket) => {
    listener.connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const listener: Listener = {
    server,
    port,
    node: { url: `${isPostgres ? 'postgres' : 'mysql'}://u:p@127.0.0.1:${port}/shop` },
    connections: 0,
  };
  return listener;
}
