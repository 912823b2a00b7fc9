import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import { Load, messagesOf } from '../faults/load.js';
import { printFigures } from '../faults/print-figures.js';
import { describeMariadb } from '../support/mariadb-server.js';

describeMariadb("MariaDB with failover: 'follow'", () => {
  let servers: MariadbCluster;
  let primary: MariadbNode;
  let first: MariadbNode;
  let second: MariadbNode;
  let app: FaultApp;

  beforeEach(async () => {
    servers = await startMariadbCluster({ replicas: 2 });
    primary = servers.primary;
    [first, second] = servers.replicas as [MariadbNode, MariadbNode];
    app = await FaultApp.start({
      type: 'mysql',
      synchronize: true,
      primary: { url: primary.url },
      replicas: servers.replicas.map(({ url }) => ({ url })),
      cluster: { failover: 'follow' },
    });
    await app.allServe();
  });
  afterEach(async () => {
    await app?.close();
    await servers?.stop();
  });

  const leader = (): string | undefined => app.cluster.nodes.find(({ role }) => role === 'primary')?.name;
  const countOn = async (node: MariadbNode, text: string): Promise<number> => {
    const [row] = await node.query<{ count: number }>('SELECT count(*) AS count FROM note WHERE text = ?', [
      text,
    ]);
    return Number(row?.count);
  };

  it('moves the writes, fails no read, and never goes back to an old primary that returns', async () => {
    const changes: unknown[] = [];
    app.cluster.on('primaryChanged', (change) => changes.push(change));
    const reads = new Load(() => app.read());
    const writes = new Load(() => app.write('under load'), { callers: 4 });
    await writes.moreRequests(50);
    await primary.kill();
    const ejectMs = await app.timeUntil('primary', 'unreachable');
    await first.promote();
    const promotedAtMs = performance.now();
    await waitUntil(() => leader() === 'replica-1');
    await app.write('after the failover');
    const returnMs = performance.now() - promotedAtMs;
    await second.follow(first);

    await primary.start(); // writable, and goes on with the numbers of its domain
    await app.timeUntil('primary', 'is-primary');
    await writes.moreRequests(100);
    await app.timeUntil('replica-2', 'usable');
    const read = await reads.stop();
    const written = await writes.stop();
    printFigures("MariaDB, failover 'follow', reads", read);
    printFigures("MariaDB, failover 'follow', writes", { ...written, ejectMs, returnMs });
    expect(messagesOf(read.failures)).toEqual({});
    expect(changes).toEqual([{ from: 'primary', to: 'replica-1', timeline: undefined }]);
    expect(await countOn(first, 'after the failover')).toBe(1);
    expect(await countOn(primary, 'after the failover')).toBe(0);
    const late = written.failures.filter(({ atMs }) => atMs > promotedAtMs + returnMs);
    expect(messagesOf(late)).toEqual({});

    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text: 'on the new one' });
      return app.selector.token();
    });
    const found = app.selector.run({ intent: 'replica', token: token as string }, () =>
      app.dataSource.getRepository(Note).countBy({ text: 'on the new one' }),
    );
    await expect(found).resolves.toBe(1);

    await servers.rebuild(primary);
    await app.timeUntil('primary', 'usable');
    expect(leader()).toBe('replica-1');
  });

  it('moves them when the primary was demoted, too', async () => {
    await primary.query('SET GLOBAL read_only = 1');
    await app.timeUntil('primary', 'is-replica');
    await first.promote();
    await waitUntil(() => leader() === 'replica-1');
    await app.write('after the switch-over');
    expect(await countOn(first, 'after the switch-over')).toBe(1);
  });

  it('reads nothing from a replica whose last transaction has the number of one that the new primary wrote', async () => {
    await servers.waitForReplication();
    await first.stop();
    await primary.query(`INSERT INTO note (text) VALUES ('lost')`);
    await waitUntil(async () => (await countOn(second, 'lost')) === 1);
    await primary.kill();
    await first.start();
    await first.promote();
    await second.follow(first);
    await waitUntil(() => leader() === 'replica-1');
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text: 'on the new one' });
      return app.selector.token();
    });
    const found = (): Promise<number> =>
      app.selector.run({ intent: 'replica', token: token as string }, () =>
        app.dataSource.getRepository(Note).countBy({ text: 'on the new one' }),
      );
    const reasons = new Set<string>();
    app.cluster.onRoute(({ reason }) => reasons.add(reason));
    await waitUntil(async () => {
      reasons.clear();
      expect(await found()).toBe(1);
      return !reasons.has('after-failover'); // which holds reads on the primary for some time
    });
    expect(await found()).toBe(1);
    await app.timeUntil('replica-2', 'misconfigured');
  });

  it('stays where it is while two nodes can be written, and says so', async () => {
    const told: unknown[] = [];
    app.cluster.on('replicaEjected', (event) => told.push(event));
    await first.promote();
    await app.timeUntil('replica-1', 'is-primary');
    await app.write('on the first of two');
    expect(leader()).toBe('primary');
    expect(told).toEqual([
      expect.objectContaining({
        node: 'replica-1',
        state: 'is-primary',
        detail: expect.stringMatching(/writable/),
      }),
    ]);
    // The other primary goes away, and nothing is known to be lost by it.
    await first.stop();
    await app.write('still there');
    expect(await countOn(primary, 'still there')).toBe(1);
  });

  it('does not start while two nodes can be written: the error names both', async () => {
    await first.promote();
    const starting = FaultApp.start({
      type: 'mysql',
      primary: { url: primary.url },
      replicas: servers.replicas.map(({ url }) => ({ url })),
      cluster: { failover: 'follow' },
    });
    await expect(starting).rejects.toThrow(/does not start: "primary" and "replica-1" can both be written/);
  });

  it("does not write an old primary to which the primary's own address leads back, with failover: 'none'", async () => {
    await app.close();
    const proxy = (await primary.proxy()) as TcpProxy;
    app = await FaultApp.start({
      type: 'mysql',
      primary: { url: proxy.through(primary.url) },
      replicas: [{ url: second.url }],
    });
    await app.write('before');
    await servers.waitForReplication();
    await primary.kill();
    await app.timeUntil('primary', 'unreachable');
    await first.promote();
    proxy.retarget(first);
    await app.timeUntil('primary', 'usable');
    await app.write('on the new one');
    // What the old one lacks is known once a probe has seen it. Positions of MariaDB are shown in JSON only.
    await waitUntil(() => /"position":"0-2-/.test(JSON.stringify(app.cluster.nodes[0])));
    await primary.start();
    proxy.retarget(primary);
    proxy.resetConnections();
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => app.write('split')));
    await app.timeUntil('primary', 'is-replica');
    expect(await countOn(primary, 'split')).toBe(0);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  });
});
