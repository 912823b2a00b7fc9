import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createReplicatedDataSource,
  ReplicatedRepository,
  type ReplicatedDataSource,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { moveClock } from '../support/moved-clock.js';
import { Note } from '../support/note.js';

const INTERVAL_MS = 200;
/** The monitor sleeps after so long without a query. */
const UNUSED_MS = 30 * INTERVAL_MS;

describe('tenants with databases of their own on the same servers', () => {
  let servers: PostgresCluster;
  let replica: PostgresNode;
  const made: ReplicatedDataSource[] = [];
  let isPromoted = false;

  beforeAll(async () => {
    servers = await borrowPostgres({ replicas: 1 });
    replica = servers.replicas[0] as PostgresNode;
    for (const tenant of ['north', 'south'])
      await servers.primary.query(`CREATE DATABASE ${tenant} OWNER app`);
    await servers.waitForReplication();
  });
  afterAll(() => servers?.stop());
  afterEach(async () => {
    await Promise.all(made.splice(0).map((database) => database.destroy()));
    if (!isPromoted) await replica.resumeReplay();
  });

  const urlOf = (node: PostgresNode, database: string): string => {
    const url = new URL(node.url);
    url.pathname = database;
    return url.href;
  };
  async function open(
    tenant: string,
    more: Partial<ReplicatedModuleOptions> = {},
  ): Promise<ReplicatedDataSource> {
    const database = createReplicatedDataSource({
      type: 'postgres',
      name: tenant,
      entities: [Note],
      synchronize: true,
      primary: { url: urlOf(servers.primary, tenant) },
      replicas: [{ url: urlOf(replica, tenant) }],
      monitor: { intervalMs: INTERVAL_MS, timeoutMs: INTERVAL_MS },
      ...more,
    } as ReplicatedModuleOptions);
    made.push(database);
    return database.initialize();
  }
  /** By application_name; what they have asked last, and when. */
  const monitorsOn = async (node: PostgresNode): Promise<{ database: string; asked: string }[]> =>
    node.query(
      `SELECT datname AS database, query_start::text AS asked FROM pg_stat_activity WHERE application_name LIKE '%/monitor'`,
    );
  const bothHave = (count: number) => async (): Promise<boolean> => {
    const all = await Promise.all([servers.primary, replica].map(monitorsOn));
    return all.every((found) => found.length === count);
  };
  const isAwake = async (): Promise<boolean> => {
    const [before] = await monitorsOn(replica);
    if (!before) return false;
    await waitUntil(async () => (await monitorsOn(replica))[0]?.asked !== before.asked);
    return true;
  };
  const read = (database: ReplicatedDataSource, token?: string) =>
    database.selector.run({ intent: 'replica', token }, async () => [
      await new ReplicatedRepository(Note, database.manager).count(),
      database.selector.route?.node,
    ]);
  const write = (database: ReplicatedDataSource) =>
    database.selector.run({ intent: 'primary' }, async () => {
      await database.getRepository(Note).insert({ text: 'written' });
      return database.selector.token();
    });

  it('are watched by one connection per server, and each is told of what it sees', async () => {
    const [north, south] = [await open('north'), await open('south')];
    await waitUntil(bothHave(1));
    expect(await isAwake()).toBe(true);
    await servers.waitForReplication();
    await waitUntil(async () => (await read(south))[1] === 'replica-1');
    const before = (await read(south))[0] as number;
    await replica.pauseReplay();
    const token = await write(south);
    expect(await read(south, token)).toEqual([before + 1, 'primary']);
    expect(await read(south)).toEqual([before, 'replica-1']);
    await replica.resumeReplay();
    await waitUntil(async () => (await read(south, token))[1] === 'replica-1');

    const lag = (): unknown[] => [north, south].map(({ cluster }) => cluster.nodes[1]?.position);
    await waitUntil(() => new Set(lag()).size === 1 && lag()[0] !== undefined);
    await made.shift()?.destroy();
    await waitUntil(bothHave(1));
    expect((await monitorsOn(replica)).map(({ database }) => database)).toEqual(['south']);
    expect(await isAwake()).toBe(true);
    await write(south);
  });

  it('that log in otherwise are watched apart', async () => {
    await servers.primary.query(`CREATE ROLE other LOGIN PASSWORD 'other' IN ROLE app`);
    await servers.waitForReplication();
    const as = (node: PostgresNode): { url: string } => {
      const url = new URL(urlOf(node, 'south'));
      [url.username, url.password] = ['other', 'other'];
      return { url: url.href };
    };
    await open('north');
    await open('south', {
      synchronize: false,
      primary: as(servers.primary),
      replicas: [as(replica)],
    } as never);
    await waitUntil(bothHave(2));
    expect((await monitorsOn(replica)).map(({ database }) => database).toSorted()).toEqual([
      'north',
      'south',
    ]);
  });

  it('one whose database is dropped is no matter to the others', async () => {
    await servers.primary.query('CREATE DATABASE east OWNER app');
    await servers.waitForReplication();
    const [east, south] = [await open('east'), await open('south')];
    await waitUntil(bothHave(1));
    await servers.primary.query('DROP DATABASE east WITH (FORCE)');
    await waitUntil(() => east.cluster.nodes[0]?.state === 'misconfigured');
    await waitUntil(async () => (await read(south))[1] === 'replica-1');
    await waitUntil(() => south.cluster.nodes.every(({ state }) => state === 'usable'));
    expect(east.cluster.nodes[0]?.state).toBe('misconfigured');
    await write(south);
  });

  describe('sleep while nothing is asked of them', () => {
    const skip = moveClock();
    const fallAsleep = async (): Promise<void> => {
      skip(UNUSED_MS);
      await waitUntil(bothHave(0));
    };

    it('all at once when the last one does, and none wakes the others', async () => {
      const [north, south] = [await open('north'), await open('south')];
      const reading = setInterval(() => void read(south).catch(() => undefined), INTERVAL_MS);
      try {
        const sleeps = () =>
          north.cluster.metrics().find(({ name }) => name.endsWith('seen_age'))?.points.length === 0;
        await waitUntil(sleeps, { timeoutMs: 20_000 });
        expect(await isAwake()).toBe(true);
        expect(sleeps()).toBe(true);
      } finally {
        clearInterval(reading);
      }
      await fallAsleep();
      await read(north);
      await waitUntil(bothHave(1));
    });

    it('the first read sees what was written meanwhile, wherever that was', async () => {
      const [north, elsewhere] = [
        await open('north'),
        await new DataSource({
          type: 'postgres',
          url: urlOf(servers.primary, 'north'),
          entities: [Note],
        }).initialize(),
      ];
      try {
        const before = (await read(north))[0] as number;
        await fallAsleep();
        await replica.pauseReplay();
        await elsewhere.getRepository(Note).insert({ text: 'by another instance' });
        expect(await read(north)).toEqual([before, 'replica-1']);
        await fallAsleep();
        const token = await write(north);
        expect(await read(north, token)).toEqual([before + 2, 'primary']);
        await fallAsleep();
        await replica.resumeReplay();
        await servers.waitForReplication();
        expect(await read(north, token)).toEqual([before + 2, 'replica-1']);
      } finally {
        await elsewhere.destroy();
      }
    });

    it('the first read finds a replica that has died, and what follows one that has come back', async () => {
      const north = await open('north');
      await fallAsleep();
      await replica.kill();
      expect((await read(north))[1]).toBe('primary');
      await waitUntil(() => north.cluster.nodes[1]?.state === 'unreachable');
      await replica.start();
      await waitUntil(async () => (await read(north))[1] === 'replica-1');
    });

    it('a write after a failover reaches the promoted server', async () => {
      const north = await open('north', { cluster: { failover: 'follow' } });
      await fallAsleep();
      await servers.primary.kill();
      await replica.promote();
      isPromoted = true;
      await waitUntil(async () => (await write(north).catch(() => undefined)) !== undefined);
      expect(north.cluster.nodes[0]?.name).toBe('replica-1');
    });
  });
});
