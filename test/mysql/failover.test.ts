import { afterEach, beforeEach, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
} from 'nestjs-replicated/testing';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
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

  it('moves the writes when the primary was demoted', async () => {
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

  it('nor from one with lost transactions whose numbers the new primary has given before it was seen', async () => {
    await app.close();
    const proxy = await primary.proxy();
    app = await FaultApp.start({
      type: 'mysql',
      primary: { url: proxy.through(primary.url) },
      replicas: [{ url: second.url }],
    });
    await app.allServe();
    await first.stop();
    await primary.query(`INSERT INTO note (text) VALUES ('lost')`);
    await waitUntil(async () => (await countOn(second, 'lost')) === 1);
    await primary.kill();
    await app.timeUntil('primary', 'unreachable');
    await first.start();
    await first.promote();
    for (let more = 0; more < 5; more += 1)
      await first.query(`INSERT INTO note (text) VALUES ('on the new one')`);
    proxy.retarget(first);
    await app.timeUntil('replica-1', 'misconfigured');
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
});
