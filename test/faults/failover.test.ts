import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startTcpBalancer,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { PrimaryUnavailableError } from 'nestjs-replicated';
import { COUNT, demote, isPostgres, numbersTo, PARAMETER, SLEEP, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { FaultApp, MACHINE_MS } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

async function countOn(node: PostgresNode, text: string): Promise<number> {
  const [row] = await node.query<{ count: number }>(`SELECT ${COUNT} FROM note WHERE text = ${PARAMETER}`, [
    text,
  ]);
  return row?.count ?? -1;
}

describe('a promotion', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let first: PostgresNode;
  let second: PostgresNode;
  let app: FaultApp | undefined;

  beforeEach(async () => {
    cluster = await startCluster({ replicas: 2 });
    primary = cluster.primary;
    [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await cluster?.stop();
  });

  const leaderOf = ({ cluster: { nodes } }: FaultApp) => nodes.find(({ role }) => role === 'primary')?.name;

  /** Promotes the first replica, which does not have so many of the rows that the second has. */
  async function promoteWithout(rows: number): Promise<void> {
    await first.stop();
    await primary.query(`INSERT INTO note (text) SELECT 'lost' FROM ${numbersTo(rows)}`);
    await waitUntil(async () => (await countOn(second, 'lost')) === rows);
    await primary.kill();
    await first.start();
    await first.promote();
    await second.follow(first);
  }

  /** A client writes; answers its token. */
  const visit = ({ dataSource, selector }: FaultApp, text: string): Promise<string | undefined> =>
    selector.run({ intent: 'primary' }, async () => {
      await dataSource.getRepository(Note).insert({ text });
      return selector.token();
    });

  /** How many such notes a client sees. */
  const sees = (
    { dataSource, selector }: FaultApp,
    text: string,
    token: string | undefined,
  ): Promise<number> =>
    selector.run({ intent: 'replica', token }, () => dataSource.getRepository(Note).countBy({ text }));

  /** Clients write, and read what they have written. */
  async function seesItsWrites(visited: FaultApp, forMs: number): Promise<void> {
    const untilMs = performance.now() + forMs;
    for (let number = 0; performance.now() < untilMs; number += 1) {
      const text = `visit ${number} at ${untilMs}`;
      const token = await visit(visited, text);
      expect({ number, found: await sees(visited, text, token) }).toEqual({ number, found: 1 });
    }
  }

  describe("with failover: 'follow'", () => {
    const start = async (more: Partial<Parameters<typeof FaultApp.start>[0]> = {}): Promise<FaultApp> => {
      app = await FaultApp.start({
        synchronize: true,
        primary: { url: primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        cluster: { failover: 'follow' },
        ...more,
      });
      await app.allUsable();
      return app;
    };

    it('moves the writes, fails no read, and never goes back to an old primary that returns', async () => {
      const follower = await start();
      const leaders: string[] = [];
      follower.cluster.onRoute(({ role, node }) => {
        if (role === 'primary' && leaders.at(-1) !== node) leaders.push(node);
      });
      const changes: unknown[] = [];
      follower.cluster.on('primaryChanged', (change) => changes.push(change));
      const reads = new Load(() => follower.read());
      const writes = new Load(() => follower.write('under load'), { callers: 4 });
      await writes.moreRequests(50);

      const killedAtMs = performance.now();
      await primary.kill();
      const lostMs = await follower.timeUntil('primary', 'unreachable');
      await first.promote();
      const promotedAtMs = performance.now();
      await waitUntil(() => leaderOf(follower) === 'replica-1');
      await follower.write('after the failover');
      const returnMs = performance.now() - promotedAtMs;
      await second.follow(first);

      const before = await countOn(first, 'under load');
      await primary.start(); // writable, on the old timeline
      await follower.timeUntil('primary', 'is-primary');
      await writes.moreRequests(100);
      await follower.timeUntil('replica-2', 'usable');
      const read = await reads.stop();
      const written = await writes.stop();
      printFigures("failover 'follow', reads", read);
      printFigures("failover 'follow', writes", { ...written, ejectMs: lostMs, returnMs });

      expect(messagesOf(read.failures)).toEqual({});
      expect(leaders).toEqual(['primary', 'replica-1']);
      expect(changes).toEqual([{ from: 'primary', to: 'replica-1', timeline: isPostgres ? 2 : undefined }]);
      expect(await countOn(first, 'under load')).toBeGreaterThan(before + 50);
      expect(await countOn(first, 'after the failover')).toBe(1);
      expect(await countOn(primary, 'after the failover')).toBe(0);
      // None but those under way when it was killed, and those before the promotion, have failed.
      const late = written.failures.filter(({ atMs }) => atMs > promotedAtMs + returnMs);
      expect(messagesOf(late)).toEqual({});
      expect(killedAtMs).toBeLessThan(promotedAtMs);

      await cluster.rebuild(primary);
      await follower.timeUntil('primary', 'usable');
      const readers = new Set<string | undefined>();
      await waitUntil(async () => readers.add(await follower.readOn()).has('primary'));
      expect(leaderOf(follower)).toBe('replica-1');
    });

    it('moves the writes as soon as a session says that roles have changed, not an interval later', async () => {
      app = await FaultApp.start({
        synchronize: true,
        primary: { url: primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        cluster: { failover: 'follow' },
        monitor: { intervalMs: 10_000 },
      });
      await app.allUsable();
      const follower = app;
      const reads = new Load(() => follower.read());
      await reads.moreRequests(50);
      await demote(primary);
      await first.promote();
      // PostgreSQL tells the sessions that read; MariaDB tells nobody, but refuses what the former primary should write.
      if (!isPostgres) await follower.write('refused or moved').catch(() => undefined);
      await waitUntil(() => leaderOf(follower) === 'replica-1', { timeoutMs: MACHINE_MS });
      await follower.write('at once');
      expect(messagesOf((await reads.stop()).failures)).toEqual({});
      expect(await countOn(first, 'at once')).toBe(1);
    });

    it('reads nothing from a replica whose log has run past the place where the new history began', async () => {
      const follower = await start({ consistency: { pinMs: 1_000 } });
      await promoteWithout(5_000);
      await waitUntil(() => leaderOf(follower) === 'replica-1');
      await seesItsWrites(follower, 2_000);
      expect(follower.stateOf('replica-2')).toBe('misconfigured');
      await cluster.rebuild(second);
      await follower.timeUntil('replica-2', 'usable');
      // A rebuilt server of MariaDB gets all of its data from the log.
      if (!isPostgres) await waitUntil(async () => (await follower.readOn()) === 'replica-2');
      expect(await follower.readOn()).toBe('replica-2');
    });

    it('reads nothing from such a replica, either, that stands behind an address with others', async () => {
      const third = await cluster.addReplica();
      const balancer = await startTcpBalancer([third, second]);
      try {
        app = await FaultApp.start({
          synchronize: true,
          primary: { url: primary.url },
          replicas: [{ url: first.url }, { name: 'several', url: balancer.through(second.url), poolSize: 6 }],
          cluster: { failover: 'follow' },
          consistency: { pinMs: 1_000 },
        });
        await app.allUsable();
        const said: string[] = [];
        app.cluster.on('promiseWeakened', ({ node, detail }) => said.push(`${node}: ${detail}`));
        const useAll = () => Promise.all(Array.from({ length: 6 }, () => app?.read(`SELECT ${SLEEP}(0.05)`)));
        await waitUntil(async () => {
          await useAll();
          return said.some((line) => line.startsWith('several: Several servers'));
        });
        await third.stop();
        await promoteWithout(5_000);
        await third.follow(first);
        await third.start();
        await waitUntil(() => leaderOf(app as FaultApp) === 'replica-1');
        await waitUntil(async () => {
          await app?.write();
          await useAll();
          // The monitor's next connection may lead to that server: then the whole address is not used.
          const isOut = app?.stateOf('several') === 'misconfigured';
          return isOut || said.some((line) => line.startsWith('several: Of the servers behind its address'));
        });
        await seesItsWrites(app, 2_000);
        const rows = await Promise.all(
          Array.from({ length: 12 }, () => app?.read(`SELECT text FROM note WHERE text = 'lost'`)),
        );
        expect(rows.flat()).toEqual([]);
      } finally {
        await balancer.close();
      }
    });

    it('moves the writes while a transaction on the old primary is open, and cuts its sessions', async () => {
      const follower = await start();
      const isOpen = follower.dataSource.transaction(async (manager) => {
        await manager.query(`INSERT INTO note (text) VALUES ('on the old one')`);
        await demote(primary);
        await first.promote();
        await waitUntil(() => leaderOf(follower) === 'replica-1');
        await manager.query(`INSERT INTO note (text) VALUES ('on the old one')`);
      });
      await expect(isOpen).rejects.toThrow();
      await follower.write('on the new one');
      expect(await countOn(primary, 'on the old one')).toBe(0);
      expect(await countOn(primary, 'on the new one')).toBe(0);
      expect(await countOn(first, 'on the new one')).toBe(1);
      await seesItsWrites(follower, 500);
      // Demoted, it is a replica that follows nobody, and as good as another one until it lags.
      if (isPostgres) expect(follower.stateOf('primary')).not.toBe('usable');
    });
  });

  describe("with failover: 'none'", () => {
    const start = async (proxy: TcpProxy, more: object = {}): Promise<FaultApp> => {
      app = await FaultApp.start({
        synchronize: true,
        primary: { url: proxy.through(primary.url) },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        ...more,
      });
      await app.allUsable();
      return app;
    };

    it('writes work again without restart when the address moves, and no read fails', async () => {
      const proxy = await primary.proxy();
      const fixed = await start(proxy);
      const reads = new Load(() => fixed.read());
      const writes = new Load(() => fixed.write('under load'), { callers: 4 });
      await writes.moreRequests(50);
      await primary.kill();
      const ejectMs = await fixed.timeUntil('primary', 'unreachable');
      await first.promote();
      proxy.retarget(first);
      const returnMs = await fixed.timeUntil('primary', 'usable');
      const isBackAtMs = performance.now();
      await writes.moreRequests(50);
      const read = await reads.stop();
      const written = await writes.stop();
      printFigures("failover 'none', reads", read);
      printFigures("failover 'none', writes", { ...written, ejectMs, returnMs });
      expect(messagesOf(read.failures)).toEqual({});
      const later = written.failures.filter(({ atMs, tookMs }) => atMs - tookMs > isBackAtMs);
      expect(messagesOf(later)).toEqual({});
      expect(await countOn(first, 'under load')).toBeGreaterThan(0);
      expect(fixed.stateOf('replica-1')).toBe('is-primary');
    });

    it('reads nothing from a replica that has what the primary behind the address never had', async () => {
      const proxy = await primary.proxy();
      const fixed = await start(proxy);
      await promoteWithout(5_000);
      proxy.retarget(first);
      await fixed.timeUntil('primary', 'usable');
      await seesItsWrites(fixed, 4_000);
      expect(fixed.stateOf('replica-2')).toBe('misconfigured');
    });

    it('nor after a start, and when the primary is first seen far behind the place where histories part', async () => {
      const proxy = await primary.proxy();
      const late = await start(proxy, { consistency: { pinMs: 1_000 } });
      await promoteWithout(5_000);
      const replicas = [{ url: second.url }];
      const other = await FaultApp.start({ primary: { url: first.url }, replicas });
      try {
        await seesItsWrites(other, 1_000);
        const token = await visit(other, 'seen by the other');
        await first.query(`INSERT INTO note (text) SELECT 'more' FROM ${numbersTo(20_000)}`);
        proxy.retarget(first);
        await late.timeUntil('primary', 'usable');
        const untilMs = performance.now() + 3_000;
        while (performance.now() < untilMs) expect(await sees(late, 'seen by the other', token)).toBe(1);
      } finally {
        await other.close();
      }
    });

    it('and nothing from what answers at the address instead of the primary, while that still writes', async () => {
      const proxy = await primary.proxy();
      const fixed = await start(proxy);
      await fixed.write('before'); // leaves a session in the pool
      await Promise.all(cluster.replicas.map((replica) => replica.pauseReplay()));
      proxy.retarget(first);
      const token = await visit(fixed, 'by the open session');
      expect(await countOn(primary, 'by the open session')).toBe(1);
      await expect(sees(fixed, 'by the open session', token)).rejects.toThrow(
        isPostgres ? /in recovery: a standby/ : /read_only/,
      );
    });

    it('a primary that was demoted gets no write, and the address may move later', async () => {
      const proxy = await primary.proxy();
      const fixed = await start(proxy);
      await fixed.write('before'); // leaves a session in the pool
      await primary.stop();
      await first.promote();
      await primary.follow(first);
      await primary.start();
      await fixed.timeUntil('primary', 'is-replica');
      await expect(fixed.write('refused')).rejects.toThrow(PrimaryUnavailableError);
      proxy.resetConnections();
      proxy.retarget(first);
      await fixed.timeUntil('primary', 'usable');
      await fixed.write('after');
      expect(await countOn(first, 'after')).toBe(1);
      expect(await countOn(first, 'refused')).toBe(0);
    });

    /** Nothing but what it has written tells a promoted MariaDB from the old one. Positions are shown in JSON only. */
    async function wasSeenToWrite(fixed: FaultApp): Promise<void> {
      await fixed.write('on the new one');
      await waitUntil(() => /"position":"0-2-/.test(JSON.stringify(fixed.cluster.nodes[0])));
    }

    it('an address that leads back to the old primary is not written', async () => {
      const proxy = await primary.proxy();
      const fixed = await start(proxy);
      await primary.kill();
      await fixed.timeUntil('primary', 'unreachable');
      await first.promote();
      proxy.retarget(first);
      await fixed.timeUntil('primary', 'usable');
      if (!isPostgres) await wasSeenToWrite(fixed);
      await primary.start();
      proxy.retarget(primary);
      proxy.resetConnections();
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => fixed.write('split')));
      await fixed.timeUntil('primary', 'is-replica');
      await expect(fixed.write('split')).rejects.toThrow(PrimaryUnavailableError);
      expect(await countOn(primary, 'split')).toBe(0);
      expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    });
  });
});
