import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource, type QueryRunner } from 'typeorm';
import {
  activeQueryOf,
  queryClassOf,
  releaseConnectionOf,
  type ExtendedProtocol,
  type PgClient,
  type PgDriver,
  type PgRunner,
} from '../../src/engines/pg/internals.js';
import type {
  CacheInternals,
  ManagerInternals,
  RunnerInternals,
  RunnerMethods,
} from '../../src/typeorm/internals.js';

const load = createRequire(import.meta.url);
const POSTGRES = [
  ['the newest node-postgres', 'pg'],
  ['the oldest node-postgres', 'pg-oldest'],
] as const;

/** What this library relies on, and no documentation promises: run on both lines of TypeORM. */
describe.each(POSTGRES)('the insides of TypeORM and of %s are as expected:', (_name, driver) => {
  let servers: PostgresCluster;
  let dataSource: DataSource;
  let runner: QueryRunner;
  let client: PgClient;
  beforeAll(async () => {
    servers = await startPostgresCluster({ replicas: 0 });
    const { url } = servers.primary;
    dataSource = await new DataSource({
      type: 'postgres',
      url,
      driver: load(driver),
      cache: true,
    }).initialize();
    runner = dataSource.createQueryRunner('slave');
    client = (await runner.connect()) as PgClient;
  });
  afterAll(async () => {
    await runner?.release();
    await dataSource?.destroy();
    await servers?.stop();
  });

  it('a query runner', async () => {
    const parts = runner as unknown as RunnerInternals;
    expect(parts).toMatchObject({ mode: 'slave', isReleased: false, isTransactionActive: false });
    expect(parts.databaseConnection).toBe(client);
    const methods = Object.getPrototypeOf(runner) as RunnerMethods;
    for (const name of ['connect', 'query', 'stream', 'startTransaction', 'release'] as const)
      expect(methods[name]).toEqual(expect.any(Function));
    const manager = runner.manager as unknown as ManagerInternals<DataSource>;
    const cache = dataSource.queryResultCache as CacheInternals<DataSource>;
    for (const holder of [manager, cache])
      expect('dataSource' in holder ? holder.dataSource : holder.connection).toBe(dataSource);
  });

  it('a query runner of PostgreSQL, which gives its connection back at once, and once', async () => {
    const other = dataSource.createQueryRunner();
    await other.connect();
    const parts = other as unknown as PgRunner;
    const { connectedQueryRunners } = parts.driver;
    expect(connectedQueryRunners).toContain(other);
    const errors: unknown[] = [];
    const { releaseCallback } = parts;
    parts.releaseCallback = (error) => {
      errors.push(error);
      releaseCallback?.(error);
    };
    const why = new Error('cut');
    releaseConnectionOf(parts, why);
    expect([parts.isReleased, errors]).toEqual([true, [why]]);
    await other.release();
    expect([errors, connectedQueryRunners]).toEqual([[why], [runner]]);
  });

  it('a pool, which shows what lies idle in it', async () => {
    const pool = (dataSource.driver as unknown as PgDriver).master;
    const other = dataSource.createQueryRunner();
    const idle = await other.connect();
    await other.release();
    expect(pool?._idle?.map((one) => one.client)).toContain(idle);
    expect(pool?._clients).toEqual([client, idle]);
    expect([pool?.idleCount, pool?.waitingCount, typeof pool?.options]).toEqual([1, 0, 'object']);
    pool?._remove?.(idle);
    expect(pool?.idleCount).toBe(0);
  });

  it('a client, which says whether its server owes it an answer', async () => {
    expect(client).toMatchObject({
      readyForQuery: true,
      processID: expect.any(Number),
      secretKey: expect.any(Number),
      host: expect.any(String),
      port: expect.any(Number),
    });
    expect(client.connection?.stream).toMatchObject({
      destroyed: false,
      remoteAddress: expect.any(String),
      remotePort: expect.any(Number),
      bytesRead: expect.any(Number),
      bytesWritten: expect.any(Number),
    });
    const statuses: unknown[] = [];
    client.connection?.on?.('readyForQuery', ({ status }) => statuses.push(status));
    const answer = client.query('BEGIN') as Promise<unknown>;
    expect([client.readyForQuery, activeQueryOf(client)]).toEqual([false, expect.any(Object)]);
    await answer;
    expect(activeQueryOf(client)).toBeUndefined();
    await client.query('ROLLBACK');
    expect(statuses).toEqual(['T', 'I']);
  });

  it('a query, which hears of its answer message by message', () => {
    const Query = queryClassOf(client);
    const handlers = [
      'requiresPreparation',
      'handleRowDescription',
      'handleDataRow',
      'handleCommandComplete',
      '_getRows',
    ] as const;
    for (const name of handlers) expect(Query?.prototype[name]).toEqual(expect.any(Function));
    const protocol = client.connection as unknown as ExtendedProtocol;
    for (const name of ['parse', 'bind', 'execute', 'sync'] as const)
      expect(protocol[name]).toEqual(expect.any(Function));
  });
});
