import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startPostgresCluster,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
} from 'nestjs-replicated/testing';
import { InvalidOptionsError, UsageError } from 'nestjs-replicated';
import { FaultApp } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

describe('replicas at run time', () => {
  let cluster: PostgresCluster;
  let first: PostgresNode;
  let second: PostgresNode;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
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
  afterEach(() => app?.close());

  const sessionsOn = async (node: PostgresNode): Promise<number> => {
    const [row] = await node.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = 'app'`,
    );
    return row?.count ?? -1;
  };

  it('are added and removed under load, and no request fails', async () => {
    const told: string[] = [];
    for (const name of ['replicaAdded', 'replicaRemoved'] as const)
      app.cluster.on(name, ({ node }) => told.push(`${name} ${node}`));
    const reads = new Load(() => app.read('SELECT count(*), pg_sleep(0.02) FROM note'));
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
    const slow = app.readOn('SELECT pg_sleep(1)');
    await waitUntil(() => app.cluster.stats().nodes['added']);
    const removed = app.cluster.removeReplica('added').then(() => 'removed');
    expect(await Promise.race([slow, removed])).toBe('added');
    expect(await removed).toBe('removed');
    expect(await app.readOn()).toBe('primary');
  });

  it('are refused with a name that is taken, or with options that are wrong', async () => {
    await expect(app.cluster.addReplica({ url: second.url, name: 'replica-1' })).rejects.toThrow(
      InvalidOptionsError,
    );
    await expect(app.cluster.addReplica({ url: second.url, wieght: 2 })).rejects.toThrow(InvalidOptionsError);
    await expect(app.cluster.removeReplica('nobody')).rejects.toThrow(UsageError);
    expect(app.cluster.nodes).toHaveLength(2);
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
