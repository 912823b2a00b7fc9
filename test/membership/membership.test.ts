import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { COUNT, SESSIONS, SLEEP, sqlOf, startCluster } from '../support/database.js';
import { InvalidOptionsError, UsageError } from 'nestjs-replicated';
import { FaultApp, MACHINE_MS, QUICK_BOUND_MS } from '../faults/fault-app.js';
import { Load, messagesOf } from '../faults/load.js';
import { printFigures } from '../faults/print-figures.js';

describe('replicas at run time', () => {
  let cluster: PostgresCluster;
  let first: PostgresNode;
  let second: PostgresNode;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: first.url }],
    });
    await app.allServe();
  });
  afterEach(() => (app.dataSource.isInitialized ? app.close() : undefined));

  const sessionsOn = async (node: PostgresNode): Promise<number> => {
    const [row] = await node.query<{ count: number }>(`SELECT ${COUNT} FROM ${SESSIONS}`);
    return row?.count ?? -1;
  };

  it('are added and removed under load, and no request fails', async () => {
    const told: string[] = [];
    for (const name of ['replicaAdded', 'replicaRemoved'] as const)
      app.cluster.on(name, ({ node }) => told.push(`${name} ${node}`));
    const reads = new Load(() => app.read(`SELECT count(*), ${SLEEP}(0.02) FROM note`));
    for (let round = 0; round < 5; round++) {
      await app.cluster.addReplica({ url: second.url, name: 'added' });
      await waitUntil(async () => (await app.readOn()) === 'added');
      await reads.moreRequests(40);
      await app.cluster.removeReplica('added');
      await waitUntil(async () => (await sessionsOn(second)) === 0, { message: 'its sessions end' });
      await reads.moreRequests(10);
    }
    const report = await reads.stop();
    printFigures('5 replicas added and removed', report);
    expect(messagesOf(report.failures)).toEqual({});
    expect(told).toHaveLength(10);
    expect(told.slice(0, 2)).toEqual(['replicaAdded added', 'replicaRemoved added']);
    expect(app.cluster.nodes.map(({ name }) => name)).toEqual(['primary', 'replica-1']);
  });

  it('finish what runs on them before they are closed', async () => {
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    await app.cluster.removeReplica('replica-1');
    const slow = app.readOn(`SELECT ${SLEEP}(1)`);
    await waitUntil(() => app.cluster.stats().nodes['added']);
    const removed = app.cluster.removeReplica('added').then(() => 'removed');
    expect(await Promise.race([slow, removed])).toBe('added');
    expect(await removed).toBe('removed');
    expect(await app.readOn()).toBe('primary');
  });

  it('drain: no new read goes to them, and their name is taken until they are gone', async () => {
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    await app.cluster.removeReplica('replica-1');
    const slow = app.readOn(`SELECT ${SLEEP}(1)`);
    await waitUntil(() => app.cluster.stats().nodes['added']);
    const removed = app.cluster.removeReplica('added', { drainMs: 60_000 });
    expect(app.stateOf('added')).toBe('draining');
    expect(statesIn(app, 'added')).toEqual(['draining']);
    expect(await app.readOn()).toBe('primary');
    await expect(app.cluster.addReplica({ url: second.url, name: 'added' })).rejects.toThrow(
      "'added' is the name of a replica that is being removed. Await removeReplica('added') before",
    );
    await expect(app.cluster.removeReplica('added')).rejects.toThrow('Its replicas: added (being removed).');
    expect(await slow).toBe('added');
    await removed;
    expect(statesIn(app, 'added')).toEqual([]);
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    await app.allServe();
  });

  it('are given up after drainMs: what still runs ends on their server, and goes on elsewhere', async () => {
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    await app.cluster.removeReplica('replica-1');
    const slow = app.readOn(SLOW_ON_REPLICAS);
    await waitUntil(() => app.cluster.stats().nodes['added']);
    await app.cluster.removeReplica('added', { drainMs: 100 });
    expect(await slow).toBe('primary');
    await waitUntil(async () => (await sessionsOn(second)) === 0, { message: 'its sessions end' });
  });

  it.each([-1, NaN, Infinity, '5s'])('are not removed with drainMs %s', async (drainMs) => {
    const removal = app.cluster.removeReplica('replica-1', { drainMs: drainMs as number });
    await expect(removal).rejects.toThrow(InvalidOptionsError);
    expect(app.stateOf('replica-1')).toBe('usable');
  });

  it('are refused with a name that is taken, or with options that are wrong', async () => {
    await expect(app.cluster.addReplica({ url: second.url, name: 'replica-1' })).rejects.toThrow(
      InvalidOptionsError,
    );
    await expect(app.cluster.addReplica({ url: second.url, wieght: 2 })).rejects.toThrow(InvalidOptionsError);
    await expect(app.cluster.removeReplica('nobody')).rejects.toThrow(UsageError);
    expect(app.cluster.nodes).toHaveLength(2);
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    const again = app.cluster.addReplica({ url: second.url, name: 'added' });
    await expect(again).rejects.toThrow(/replica\.name: 'added' is the name of another node/);
    await expect(app.cluster.addReplica({ url: cluster.primary.url })).rejects.toThrow(
      /same database as the primary/,
    );
    expect(app.cluster.nodes).toHaveLength(3);
  });

  it('come back by the name under which they were removed, and get a free one if they have none', async () => {
    const namesNow = (): readonly string[] => app.cluster.nodes.map(({ name }) => name);
    await app.cluster.removeReplica('replica-1');
    await app.cluster.addReplica({ url: first.url, name: 'replica-1' });
    await app.timeUntil('replica-1', 'usable');
    await app.cluster.addReplica({ url: second.url });
    await app.cluster.addReplica({ url: second.url });
    expect(namesNow()).toEqual(['primary', 'replica-1', 'replica-2', 'replica-3']);
    await app.cluster.removeReplica('replica-2');
    await app.cluster.addReplica({ url: second.url });
    expect(namesNow()).toEqual(['primary', 'replica-1', 'replica-3', 'replica-2']);
    await app.allServe();
  });

  it('are removed although they hang: what runs on them goes on elsewhere', async () => {
    const proxy = await second.proxy();
    await app.cluster.addReplica({ url: proxy.through(second.url), name: 'added' });
    await app.cluster.removeReplica('replica-1');
    await waitUntil(async () => (await app.readOn()) === 'added');
    proxy.blackhole();
    const reads = Promise.all(Array.from({ length: 4 }, () => app.readOn()));
    const startedAtMs = performance.now();
    await app.cluster.removeReplica('added');
    expect(await reads).toEqual(['primary', 'primary', 'primary', 'primary']);
    expect(performance.now() - startedAtMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
  });

  it('are not added once the application closes, and one that is being removed then is waited for', async () => {
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    await app.cluster.removeReplica('replica-1');
    const slow = app.readOn(`SELECT ${SLEEP}(1)`);
    await waitUntil(() => app.cluster.stats().nodes['added']);
    const removing = app.cluster.removeReplica('added');
    const adding = app.cluster.addReplica({ url: first.url, name: 'in-time' });
    await app.close();
    expect(await slow).toBe('added');
    await expect(app.cluster.addReplica({ url: first.url, name: 'late' })).rejects.toThrow(UsageError);
    await Promise.all([adding, removing]);
    await waitUntil(async () => (await sessionsOn(first)) + (await sessionsOn(second)) === 0);
  });

  it('are added where there was none: a primary that goes silent holds no write up there either', async () => {
    const proxy = await cluster.primary.proxy();
    const lone = await FaultApp.start({
      primary: { url: proxy.through(cluster.primary.url) },
      replicas: [],
      routing: { onReplicaWrite: 'reject' },
    });
    try {
      await lone.cluster.addReplica({ url: first.url });
      await lone.allUsable();
      const writing = lone.dataSource.transaction(async (manager) => {
        await manager.query(`INSERT INTO note (text) VALUES ('lost')`);
        proxy.blackhole();
        await manager.query(`INSERT INTO note (text) VALUES ('lost')`);
      });
      await expect(Promise.race([writing, pause(10_000)])).rejects.toThrow(/terminated|Connection lost/);
    } finally {
      proxy.reset();
      await lone.close();
    }
  });

  it('are added although a listener of the event fails', async () => {
    const heard: string[] = [];
    app.cluster.on('replicaAdded', () => {
      throw new Error('the alert could not be sent');
    });
    app.cluster.on('replicaAdded', () => Promise.reject(new Error('this one neither')));
    app.cluster.on('replicaAdded', ({ node }) => heard.push(node));
    await app.cluster.addReplica({ url: second.url, name: 'added' });
    expect(heard).toEqual(['added']);
    await app.allServe();
  });

  it('are not read before they are seen to be well', async () => {
    await second.stop();
    try {
      await app.cluster.addReplica({ url: second.url, name: 'added' });
      expect(app.stateOf('added')).toBe('unreachable');
      expect(await app.readOn()).toBe('replica-1');
    } finally {
      await second.start();
    }
    await app.timeUntil('added', 'usable');
  });
});

const SLOW_ON_REPLICAS = sqlOf({
  postgres: 'SELECT pg_sleep(CASE WHEN pg_is_in_recovery() THEN 600 ELSE 0 END)',
  mariadb: 'SELECT SLEEP(IF(@@server_id = 1, 0, 60))',
});

/** The states that the metrics say the node is in. */
function statesIn({ cluster }: FaultApp, node: string): readonly unknown[] {
  const { points = [] } = cluster.metrics().find(({ name }) => name === 'nestjs_replicated.node.state') ?? {};
  return [...points]
    .filter(({ labels, value }) => labels['node'] === node && value === 1)
    .map(({ labels }) => labels['state']);
}
