import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { PrimaryUnavailableError, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { isPostgres, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { FaultApp } from './fault-app.js';

class CreateNote1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE note (id serial PRIMARY KEY, text varchar(250) NOT NULL)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE note');
  }
}

class AddIndex1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX note_text ON note (text)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX note_text${isPostgres ? '' : ' ON note'}`);
  }
}

describe('an application that starts', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let first: PostgresNode;
  let second: PostgresNode;
  const apps: FaultApp[] = [];
  const lines: string[] = [];
  const note = (line: unknown): void => void lines.push(String(line));
  const logger: LoggerService = { log: note, warn: note, error: note };

  beforeEach(async () => {
    cluster = await startCluster({ replicas: 2 });
    primary = cluster.primary;
    [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
  });
  afterEach(async () => {
    lines.length = 0;
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await cluster?.stop();
  });

  const start = async (options: Partial<ReplicatedModuleOptions>): Promise<FaultApp> => {
    const app = await FaultApp.start(
      {
        primary: { url: primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        monitor: { connectTimeoutMs: 10_000 }, // for every server to be asked on a busy machine
        ...options,
      } as ReplicatedModuleOptions,
      logger,
    );
    apps.push(app);
    return app;
  };
  const setUp = async (): Promise<void> => {
    const app = await start({ synchronize: true });
    await app.write('before');
    await cluster.waitForReplication();
    await apps.pop()?.close();
  };
  const failOver = async (): Promise<void> => {
    await primary.kill();
    await first.promote();
    await second.follow(first);
  };
  const textsOn = (node: PostgresNode): Promise<string[]> =>
    node
      .query<{ text: string }>('SELECT text FROM note ORDER BY id')
      .then((rows) => rows.map((row) => row.text));
  const leaderOf = ({ cluster: { nodes } }: FaultApp): string | undefined =>
    nodes.find(({ role }) => role === 'primary')?.name;

  describe("with failover: 'follow'", () => {
    const follow = (options: Partial<ReplicatedModuleOptions> = {}): Promise<FaultApp> =>
      start({ ...options, cluster: { failover: 'follow', ...options.cluster } });

    it('behind a failover, with the old primary away, writes to the promoted server and reads the other', async () => {
      await setUp();
      await failOver();
      const app = await follow();
      expect(leaderOf(app)).toBe('replica-1');
      await app.write('after');
      await app.timeUntil('replica-2', 'usable');
      await waitUntil(async () => (await app.readOn()) === 'replica-2');
      expect(await textsOn(first)).toEqual(['before', 'after']);
      expect(lines.filter((line) => line.includes('"primary"'))).toContainEqual(
        expect.stringMatching(/did not answer.*ECONNREFUSED/),
      );
      expect(lines).toContainEqual(expect.stringMatching(/Writes go to "replica-1" now, not to "primary"/));
    });

    // Nothing orders the histories of MariaDB: what holds instead is in test/mysql/failover.test.ts.
    const itOrders = isPostgres ? it : it.skip;

    itOrders('with the old primary back and writable, writes nothing to that', async () => {
      await setUp();
      await failOver();
      await primary.start();
      const app = await follow();
      expect(leaderOf(app)).toBe('replica-1');
      await app.write('after');
      expect(await textsOn(primary)).toEqual(['before']);
      expect(await textsOn(first)).toEqual(['before', 'after']);
      expect(app.stateOf('primary')).toBe('is-primary');
    });

    it('follows a second failover, and migrations run on the server that was promoted', async () => {
      await setUp();
      await failOver();
      const app = await follow({
        synchronize: true,
      });
      await cluster.waitForReplication().catch(() => undefined);
      await app.timeUntil('replica-2', 'usable');
      await first.kill();
      await second.promote();
      await waitUntil(() => leaderOf(app) === 'replica-2');
      await app.write('after the second');
      expect(await textsOn(second)).toEqual(['before', 'after the second']);
    });

    itOrders('does not start on an old primary while a replica knows of a newer history', async () => {
      await setUp();
      await failOver();
      await first.query('CHECKPOINT');
      await waitUntil(async () => {
        const [row] = await second.control<{ timeline: number }>(
          'SELECT timeline_id AS timeline FROM pg_control_checkpoint()',
        );
        if (row?.timeline === 2) return true;
        await first.control('CHECKPOINT');
        await second.control('CHECKPOINT');
        return false;
      });
      await first.kill();
      await primary.start();
      await expect(follow()).rejects.toThrow(/former primary/);
      const app = await follow({ cluster: { startWithoutPrimary: true } });
      expect(await app.readOn()).toBe('replica-2');
      await expect(app.write('lost')).rejects.toThrow(PrimaryUnavailableError);
      expect(await textsOn(primary)).toEqual(['before']);
    });

    it('does not start when two servers were promoted, and their histories have no order', async () => {
      await setUp();
      await primary.kill();
      await first.promote();
      await second.promote();
      await expect(follow()).rejects.toThrow(/"replica-1" and "replica-2"/);
    });

    it('dials one that is listed by host and port while the primary has a url', async () => {
      await setUp();
      await failOver();
      const { hostname, port, username, password, pathname } = new URL(first.url);
      const app = await follow({
        replicas: [
          {
            host: hostname,
            port: Number(port),
            username: decodeURIComponent(username),
            password: decodeURIComponent(password),
            database: pathname.slice(1),
          },
          { url: second.url },
        ],
      } as Partial<ReplicatedModuleOptions>);
      await app.write('after');
      expect(await textsOn(first)).toEqual(['before', 'after']);
    });
  });

  describe('with startWithoutPrimary: true', () => {
    const startAlone = (options: Partial<ReplicatedModuleOptions> = {}): Promise<FaultApp> =>
      start({ ...options, cluster: { startWithoutPrimary: true, ...options.cluster } });

    it('and the primary away, reads, refuses writes, and writes as soon as the primary is back', async () => {
      await setUp();
      await primary.stop();
      const app = await startAlone();
      expect(app.stateOf('primary')).toBe('unreachable');
      expect(lines).toContainEqual(expect.stringMatching(/started without its primary "primary"/));
      expect(await app.read('SELECT text FROM note')).toEqual([{ text: 'before' }]);
      const found = await app.selector.run({ intent: 'replica' }, () =>
        app.dataSource.getRepository(Note).find(),
      );
      expect(found).toMatchObject([{ text: 'before' }]);
      await expect(app.write('lost')).rejects.toThrow(PrimaryUnavailableError);
      await primary.start();
      await app.timeUntil('primary', 'usable');
      await app.write('after');
      expect(await textsOn(primary)).toEqual(['before', 'after']);
      await app.allServe();
    });

    it('reads no replica that is behind another one, nor behind the primary once that is back', async () => {
      await setUp();
      await first.pauseReplay();
      await primary.query(`INSERT INTO note (text) VALUES ('later')`);
      await waitUntil(async () => (await textsOn(second)).length === 2);
      await primary.stop();
      const app = await startAlone();
      const readers = new Set<string | undefined>();
      for (let read = 0; read < 20; read += 1) readers.add(await app.readOn());
      expect([...readers]).toEqual(['replica-2']);
      await second.pauseReplay();
      await primary.start();
      await primary.query(`INSERT INTO note (text) VALUES ('missed')`);
      await app.timeUntil('primary', 'usable');
      expect(await app.readOn()).not.toBe('replica-1');
    });

    it('starts with migrations that have all run, and not with pending ones or with a schema to be made', async () => {
      const migrations = [CreateNote1700000000000];
      await start({ migrations, migrationsRun: true });
      await apps.pop()?.close();
      await cluster.waitForReplication();
      await primary.stop();
      const app = await startAlone({ migrations, migrationsRun: true });
      expect(await app.read('SELECT text FROM note')).toEqual([]);
      const pending = startAlone({ migrations: [...migrations, AddIndex1700000000001], migrationsRun: true });
      await expect(pending).rejects.toThrow();
      await expect(startAlone({ synchronize: true })).rejects.toThrow(/ECONNREFUSED/);
      await expect(startAlone({ dropSchema: true })).rejects.toThrow(/ECONNREFUSED/);
      await expect(startAlone({ extensions: ['citext'] } as object)).rejects.toThrow(/ECONNREFUSED/);
    });

    it("follows a promotion that comes later, with failover: 'follow'", async () => {
      await setUp();
      await primary.kill();
      const app = await startAlone({ cluster: { failover: 'follow', startWithoutPrimary: true } });
      expect(await app.readOn()).toMatch(/replica-\d/);
      await first.promote();
      await second.follow(first);
      await waitUntil(() => leaderOf(app) === 'replica-1');
      await app.write('after');
      expect(await textsOn(first)).toEqual(['before', 'after']);
    });

    it('changes nothing while the primary is there, and fails as ever when nothing answers', async () => {
      await setUp();
      const app = await startAlone();
      await app.write('after');
      await apps.pop()?.close();
      await Promise.all(cluster.nodes.map((node) => node.stop()));
      await expect(startAlone()).rejects.toThrow(/ECONNREFUSED/);
    });

    it('is closed and opened again, each time with what is there', async () => {
      await setUp();
      await primary.stop();
      const { dataSource } = await startAlone();
      await dataSource.destroy();
      await primary.start();
      await dataSource.initialize();
      await dataSource.getRepository(Note).insert({ text: 'after' });
      expect(await textsOn(primary)).toEqual(['before', 'after']);
    });
  });
});
