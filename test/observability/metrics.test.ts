import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { ConnectionSelector, type Metric, type MetricPoint } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres } from '../support/database.js';
import { startSeededCluster } from '../support/open-app.js';
import { startObservedSite, type ObservedSite } from './observed-site.js';

describe('what is measured of a cluster', () => {
  let nodes: PostgresCluster;
  let site: ObservedSite;
  beforeAll(async () => {
    nodes = await startSeededCluster(2);
  });
  afterAll(() => nodes.stop());
  beforeEach(async () => {
    site = await startObservedSite(nodes);
    await waitUntil(async () => site.cluster.nodes.every(({ state }) => state === 'usable'));
  });
  afterEach(async () => {
    await site.app.close();
    for (const replica of nodes.replicas) {
      if (replica.state === 'stopped') await replica.start();
      await replica.resumeReplay();
    }
    await nodes.waitForReplication();
  });

  const metric = (name: string): Metric => {
    const found = site.cluster.metrics({ pools: true }).find((one) => one.name === name);
    if (!found) throw new Error(`No metric ${name}`);
    return found;
  };
  const points = (name: string): readonly MetricPoint[] => metric(name).points;
  const sum = (name: string, labels: Record<string, string> = {}): number =>
    points(name)
      .filter((point) => Object.entries(labels).every(([label, value]) => point.labels[label] === value))
      .reduce((total, { value }) => total + value, 0);

  it('has every query once, by role, node and reason, with the name of the cluster', async () => {
    const before = sum('nestjs_replicated.routes');
    const read = site.client();
    for (let times = 0; times < 20; times++) await read();
    expect(sum('nestjs_replicated.routes') - before).toBe(20);
    const replica = points('nestjs_replicated.routes').find(({ labels }) => labels['role'] === 'replica');
    expect(replica?.labels).toEqual({
      cluster: 'default',
      role: 'replica',
      node: expect.stringMatching(/^replica-[12]$/),
      reason: 'read-method',
    });
  });

  it('has every point with exactly its labels, and no duplicate', async () => {
    await site.client()();
    for (const { name, labelNames, points: all } of site.cluster.metrics({ pools: true })) {
      const keys = all.map(({ labels }) => JSON.stringify(labels));
      expect({ name, keys: new Set(keys).size }).toEqual({ name, keys: keys.length });
      for (const { labels, value } of all) {
        expect(Object.keys(labels)).toEqual(labelNames);
        expect(Number.isFinite(value)).toBe(true);
      }
    }
  });

  it('stays valid: a metric that was kept shows what is now', async () => {
    const kept = metric('nestjs_replicated.mode');
    const inForce = () => kept.points.filter(({ value }) => value === 1).map(({ labels }) => labels['mode']);
    expect(inForce()).toEqual(['route']);
    site.cluster.mode = 'primary-only';
    expect(inForce()).toEqual(['primary-only']);
    const share = metric('nestjs_replicated.share');
    expect(share.points).toEqual([{ labels: { cluster: 'default' }, value: 1 }]);
    site.cluster.share = 0.05;
    expect(share.points).toEqual([{ labels: { cluster: 'default' }, value: 0.05 }]);
  });

  it('shows the lag of a replica while replay is paused, its state, and what happened to it', async () => {
    await nodes.replicas[0]?.pauseReplay();
    const write = site.client();
    await write('', { method: 'POST' });
    await waitUntil(async () => sum('nestjs_replicated.node.lag', { node: 'replica-1' }) > 1);
    if (isPostgres) expect(sum('nestjs_replicated.node.lag.bytes', { node: 'replica-1' })).toBeGreaterThan(0);
    expect(sum('nestjs_replicated.node.lag', { node: 'replica-2' })).toBeLessThan(1);
    expect(sum('nestjs_replicated.node.seen_age', { node: 'replica-1' })).toBeLessThan(1);
    await nodes.replicas[1]?.kill();
    await waitUntil(
      async () => sum('nestjs_replicated.node.state', { node: 'replica-2', state: 'unreachable' }) === 1,
    );
    expect(sum('nestjs_replicated.node.state', { node: 'replica-2' })).toBe(1);
    expect(sum('nestjs_replicated.node.transitions', { node: 'replica-2', event: 'replicaEjected' })).toBe(1);
  });

  it('counts a read that knowingly shows less than its client has written', async () => {
    const client = site.client();
    for (const replica of nodes.replicas) await replica.pauseReplay();
    await client('', { method: 'POST' });
    expect(sum('nestjs_replicated.stale_reads')).toBe(0);
    await client('/stale');
    expect(sum('nestjs_replicated.stale_reads', { cause: 'use-slave' })).toBe(1);
    await client();
    expect(sum('nestjs_replicated.stale_reads')).toBe(1);
  });

  it('has the pools by node and kind of session', async () => {
    await site.client()();
    await site.client()('', { method: 'POST' });
    const names = () =>
      new Set(
        points('db.client.connection.max').map(({ labels }) => labels['db.client.connection.pool.name']),
      );
    expect(names()).toContain('primary/writable');
    expect([...names()].some((name) => /^replica-[12]\/read-only$/.test(name ?? ''))).toBe(true);
    const slow = Array.from({ length: 12 }, () => site.client()('/slow'));
    const used = () => sum('db.client.connection.count', { 'db.client.connection.state': 'used' });
    await waitUntil(async () => used() >= 3);
    await Promise.all(slow);
    await waitUntil(async () => used() === 0);
    expect(sum('db.client.connection.pending_requests')).toBe(0);
  });

  it('keeps the number of its points, whatever the number of nodes that have come and gone', async () => {
    const url = nodes.replicas[0]?.url;
    const add = async (name: string) => {
      await site.cluster.addReplica({ url, name });
      await site.cluster.removeReplica(name);
    };
    for (let number = 0; number < 120; number++) await add(`passing-${number}`);
    const of = points('nestjs_replicated.node.transitions').map(({ labels }) => labels['node']);
    // Those that were counted first, all others together, and the three that are there.
    expect(new Set(of).size).toBeLessThanOrEqual(104);
    expect(of).toContain('other');
  });

  it('sums up what a request has asked, with what was nested in it', async () => {
    const summary = await (await site.client()('/summary')).json();
    expect(summary).toEqual({ queries: { primary: 1, replica: 2 }, waitedMs: 0, retries: 0 });
    expect(site.app.get(ConnectionSelector).summary).toBeUndefined();
  });

  describe('the channels', () => {
    const heard: Record<string, unknown>[] = [];
    const hear = (message: unknown): void => void heard.push({ ...(message as object) });
    const listen = (name: string) => subscribe(name, hear);
    beforeEach(() => {
      heard.length = 0;
    });
    afterEach(() => {
      for (const name of ['route', 'retry', 'refused-write', 'event'])
        unsubscribe(`nestjs-replicated:${name}`, hear);
      tracingChannel('nestjs-replicated:wait').asyncEnd.unsubscribe(hear);
    });

    it('tell of routes', async () => {
      listen('nestjs-replicated:route');
      await site.client()();
      expect(heard).toEqual([
        {
          cluster: 'default',
          handler: 'NotesController.list',
          role: 'replica',
          node: expect.stringMatching(/^replica-[12]$/),
          reason: 'read-method',
          waitedMs: 0,
        },
      ]);
    });

    it('tell of waits with their outcome, and the route of how long they were', async () => {
      const client = site.client();
      for (const replica of nodes.replicas) await replica.pauseReplay();
      await client('', { method: 'POST' });
      tracingChannel('nestjs-replicated:wait').asyncEnd.subscribe(hear);
      listen('nestjs-replicated:route');
      await client();
      expect(heard).toEqual([
        expect.objectContaining({
          for: 'replay',
          outcome: 'primary',
          handler: 'NotesController.list',
          reason: 'behind-token',
        }),
        expect.objectContaining({ role: 'primary', reason: 'behind-token' }),
      ]);
      const [wait, route] = heard;
      expect(wait?.['waitedMs']).toBeGreaterThanOrEqual(15);
      expect(route?.['waitedMs']).toBe(wait?.['waitedMs']);
    });

    it('tell of refused writes', async () => {
      listen('nestjs-replicated:refused-write');
      await site.client()('/writes');
      expect(heard).toEqual([
        {
          cluster: 'default',
          handler: 'NotesController.writes',
          statement: expect.any(String),
          method: 'GET',
          path: '/notes/writes',
        },
      ]);
    });

    it('tell of events, and of reads that are sent again', async () => {
      await Promise.all(Array.from({ length: 10 }, () => site.client()()));
      for (const name of ['retry', 'event']) listen(`nestjs-replicated:${name}`);
      await nodes.replicas[0]?.kill();
      const read = site.client();
      await waitUntil(async () => {
        expect((await read()).status).toBe(200);
        return heard.some(({ event }) => event === 'replicaEjected');
      });
      expect(heard.find(({ event }) => event === 'replicaEjected')).toMatchObject({
        cluster: 'default',
        payload: { node: 'replica-1' },
      });
      for (const { kind, node } of heard.filter((message) => 'kind' in message))
        expect({ kind, node }).toEqual({ kind: 'connection', node: 'replica-1' });
    });
  });
});
