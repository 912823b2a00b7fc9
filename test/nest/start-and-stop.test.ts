import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  toDataSourceOptions,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { COUNT, SESSIONS, TYPE, startCluster } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { SILENT } from '../support/open-app.js';

const withBigInts = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value;

const PASSWORD = 'pa55word';

class CreateNote1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE note (id serial PRIMARY KEY, text varchar(250) NOT NULL)');
    await runner.query(`INSERT INTO note (text) VALUES ('seed')`);
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE note');
  }
}

describe('start and stop', () => {
  let postgres: PostgresCluster;
  let app: INestApplicationContext | undefined;

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 1, password: PASSWORD });
  });
  afterAll(() => postgres.stop());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const options = (others: Partial<ReplicatedModuleOptions> = {}): ReplicatedModuleOptions =>
    ({
      type: TYPE,
      entities: [Note],
      primary: { url: postgres.primary.url },
      replicas: postgres.replicas.map(({ url }) => ({ url })),
      retryDelay: 10,
      ...others,
    }) as ReplicatedModuleOptions;

  async function start(
    given: ReplicatedModuleOptions,
    logger: LoggerService = SILENT,
  ): Promise<INestApplicationContext> {
    const imports = [ReplicatedModule.forRoot(given), ReplicatedModule.forFeature([Note])];
    const module = await Test.createTestingModule({ imports }).setLogger(logger).compile();
    app = await module.init();
    return app;
  }

  /** Connections of the application on all nodes, the superuser's not counted. */
  async function connections(): Promise<number> {
    const counts = await Promise.all(
      postgres.nodes
        .filter(({ state }) => state === 'running')
        .map((node) => node.control<{ count: number }>(`SELECT ${COUNT} FROM ${SESSIONS}`)),
    );
    return counts.reduce((sum, [row]) => sum + (row?.count ?? 0), 0);
  }
  const noConnections = () =>
    waitUntil(async () => (await connections()) === 0, { message: 'all connections to end' });

  it('toDataSourceOptions serves the CLI: migrations run on the primary, and the application finds the table', async () => {
    const cli = new DataSource({
      ...toDataSourceOptions(options()),
      migrations: [CreateNote1700000000000],
    } as ConstructorParameters<typeof DataSource>[0]);
    await cli.initialize();
    expect(await cli.runMigrations()).toHaveLength(1);
    await cli.destroy();
    const notes = (await start(options())).get(DataSource).getRepository(Note);
    const selector = app!.get(ConnectionSelector);
    expect(await selector.useReplica(() => serverOf(notes))).toBe('replica');
  });

  it('close() ends every connection, and nothing keeps the process alive', async () => {
    await noConnections();
    const before = timersAndSockets();
    const { manager } = (await start(options())).get(DataSource);
    const selector = app!.get(ConnectionSelector);
    const read = () => manager.countBy(Note, {});
    await Promise.all([
      ...Array.from({ length: 5 }, () => selector.useReplica(read)),
      ...Array.from({ length: 5 }, () => selector.usePrimary(read)),
    ]);
    expect(await connections()).toBeGreaterThan(2);
    await app!.close();
    app = undefined;
    await noConnections();
    await nothingBeside(before);
  });

  it('close() may come twice', async () => {
    await start(options());
    await app!.close();
    await expect(app!.close()).resolves.toBeUndefined();
  });

  it('manualInitialization leaves the start to the application', async () => {
    await start(options({ manualInitialization: true }));
    const dataSource = app!.get(DataSource);
    expect([dataSource.isInitialized, await connections()]).toEqual([false, 0]);
    await dataSource.initialize();
    const notes = dataSource.getRepository(Note);
    expect(await app!.get(ConnectionSelector).useReplica(() => serverOf(notes))).toBe('replica');
  });

  it('manualInitialization that never comes can be closed', async () => {
    await start(options({ manualInitialization: true }));
    await expect(app!.close()).resolves.toBeUndefined();
  });

  it('a primary that is down at first is tried again', async () => {
    await postgres.primary.stop();
    const starting = start(options({ retryAttempts: 500 }));
    await postgres.primary.start();
    const dataSource = (await starting).get(DataSource);
    expect(await serverOf(dataSource.getRepository(Note))).toBe('primary');
  });

  it('when all attempts fail nothing is left behind', async () => {
    await noConnections();
    const before = timersAndSockets();
    await postgres.primary.stop();
    try {
      await expect(start(options({ retryAttempts: 3 }))).rejects.toThrow(/ECONNREFUSED/);
      await noConnections();
      await nothingBeside(before);
    } finally {
      await postgres.primary.start();
    }
  });

  it('toRetry decides', async () => {
    await postgres.primary.stop();
    try {
      let asked = 0;
      const toRetry = () => {
        asked += 1;
        return asked < 3;
      };
      await expect(start(options({ retryAttempts: 500, toRetry }))).rejects.toThrow();
      expect(asked).toBe(3);
    } finally {
      await postgres.primary.start();
    }
  });

  it('a replica that is down does not hinder the start', async () => {
    const [replica] = postgres.replicas;
    await replica!.stop();
    try {
      const { nodes } = (await start(options())).get(ReplicationCluster);
      expect(nodes.map(({ state }) => state)).toEqual(['usable', 'unreachable']);
    } finally {
      await replica!.start();
    }
  });

  it('wrong options fail at once, all problems in one error', async () => {
    let asked = 0;
    const wrong = { ...options(), routing: { mode: 'rout' }, slaves: [], toRetry: () => (asked++, true) };
    const failed = start(wrong as never);
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_REPLICATED_INVALID_OPTIONS',
      problems: [{ path: 'routing.mode' }, { path: 'slaves' }],
    });
    expect(asked).toBe(0);
  });

  describe('passwords appear nowhere', () => {
    it('neither in objects that users may print, nor in the log', async () => {
      const lines: unknown[] = [];
      const note = (...line: unknown[]) => void lines.push(line);
      const logger = { log: note, warn: note, error: note, debug: note, verbose: note, fatal: note };
      expect(postgres.primary.url).toContain(PASSWORD);
      const context = await start(options(), logger);
      const cluster = context.get(ReplicationCluster);
      const selector = context.get(ConnectionSelector);
      await postgres.replicas[0]!.stop();
      const refused = await selector
        .useReplica(() => context.get<DataSource>(getDataSourceToken()).manager.save(Note, { text: 'x' }))
        .catch((error: unknown) => error);
      await postgres.replicas[0]!.start();
      for (const printed of [
        ReplicatedModule,
        ReplicatedModule.forRoot(options()),
        cluster,
        cluster.nodes,
        cluster.stats(),
        selector,
        selector.route,
        refused,
        lines,
      ]) {
        expect(inspect(printed, { depth: 12, showHidden: true })).not.toContain(PASSWORD);
        expect(JSON.stringify(printed, withBigInts) ?? '').not.toContain(PASSWORD);
      }
    });

    it('nor in errors of options and of connections', async () => {
      const wrong = { ...options(), monitor: { intervalMs: -1 }, master: { url: postgres.primary.url } };
      const invalid = await start(wrong as never).catch((error: unknown) => error);
      const url = postgres.primary.url.replace(PASSWORD, `${PASSWORD}-wrong`);
      const denied = await start(options({ primary: { url }, retryAttempts: 1 })).catch(
        (error: unknown) => error,
      );
      for (const error of [invalid, denied]) {
        expect(error).toBeInstanceOf(Error);
        expect(inspect(error, { depth: 12, showHidden: true })).not.toContain(PASSWORD);
      }
    });
  });

  function countOf(kind: 'Timeout' | 'TCPSocketWrap'): number {
    return process.getActiveResourcesInfo().filter((resource) => resource === kind).length;
  }

  function timersAndSockets(): { timers: number; sockets: number } {
    return { timers: countOf('Timeout'), sockets: countOf('TCPSocketWrap') };
  }

  /** Sockets close a little later than their servers know; of the timers one is that of the waiting. */
  async function nothingBeside({ timers, sockets }: { timers: number; sockets: number }): Promise<void> {
    await waitUntil(() => countOf('TCPSocketWrap') <= sockets, { message: 'all sockets to close' });
    const timeoutMs = 2_000;
    await waitUntil(() => countOf('Timeout') <= timers + 1, { timeoutMs, message: 'all timers to end' });
  }
});
