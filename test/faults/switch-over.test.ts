import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PrimaryUnavailableError, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { SESSIONS, sqlOf, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { FaultApp, MACHINE_MS } from './fault-app.js';
import { Load, messagesOf } from './load.js';

const WAIT_MS = 8_000;

describe('new work that finds no primary', () => {
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

  const start = async (
    options: ReplicatedModuleOptions['cluster'],
    more: Partial<ReplicatedModuleOptions> = {},
  ): Promise<FaultApp> => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      cluster: options,
      ...more,
    } as ReplicatedModuleOptions);
    await app.allServe();
    return app;
  };
  const textsOn = (node: PostgresNode): Promise<string[]> =>
    node
      .query<{ text: string }>('SELECT text FROM note')
      .then((rows) => rows.map(({ text }) => text).toSorted());

  /** As a manager does it: the old primary is shut down, and has sent everything. */
  async function switchOver(): Promise<void> {
    await primary.stop();
    await first.promote();
    await second.follow(first);
  }

  describe("waits for the promoted server, with failover: 'follow'", () => {
    it('and a planned switch-over loses no write that had not been sent, nor repeats one that had', async () => {
      const followed = await start({ failover: 'follow', primaryWaitMs: WAIT_MS });
      let number = 0;
      const sent: string[] = [];
      const acknowledged: string[] = [];
      const writes = new Load(
        async () => {
          const text = `write ${(number += 1)}`;
          sent.push(text);
          await followed.write(text);
          acknowledged.push(text);
        },
        { callers: 8 },
      );
      const reads = new Load(() => followed.read());
      await writes.moreRequests(100);
      await primary.stop();
      const stoppedAtMs = performance.now();
      await followed.timeUntil('primary', 'unreachable');
      const known = number;
      await first.promote();
      await second.follow(first);
      await writes.moreRequests(100);
      const written = await writes.stop();
      expect(messagesOf((await reads.stop()).failures)).toEqual({});
      // Those under way when it was stopped may have failed, and none of those that came afterwards.
      const late = written.failures.filter(({ atMs, tookMs }) => atMs - tookMs > stoppedAtMs);
      expect(messagesOf(late)).toEqual({});
      expect(number).toBeGreaterThan(known);
      const found = await textsOn(first);
      expect(new Set(found).size).toBe(found.length);
      expect(found).toEqual(expect.arrayContaining(acknowledged));
      expect(sent).toEqual(expect.arrayContaining(found));
    });

    it('for as long as the defaults say', async () => {
      const followed = await start({ failover: 'follow' });
      await primary.stop();
      await followed.timeUntil('primary', 'unreachable');
      const startedAtMs = performance.now();
      await expect(followed.write()).rejects.toThrow(PrimaryUnavailableError);
      const tookMs = performance.now() - startedAtMs;
      expect(tookMs).toBeGreaterThan(1_900);
      expect(tookMs).toBeLessThan(2_000 + MACHINE_MS);
    });

    it('in transactions, persistence, raw queries and runners alike', async () => {
      const followed = await start({ failover: 'follow', primaryWaitMs: WAIT_MS });
      await primary.stop();
      await followed.timeUntil('primary', 'unreachable');
      const { dataSource, selector } = followed;
      const runner = dataSource.createQueryRunner('master');
      const work = Promise.all([
        dataSource.transaction((manager) => manager.insert(Note, { text: 'transaction' })),
        dataSource.manager.save(Note, { text: 'persistence' }),
        dataSource.query(`INSERT INTO note (text) VALUES ('raw')`),
        runner.query(`INSERT INTO note (text) VALUES ('runner')`),
        selector.run({ intent: 'primary' }, () => dataSource.getRepository(Note).find()),
      ]);
      await first.promote();
      await work;
      await runner.release();
      expect(await textsOn(first)).toEqual(['persistence', 'raw', 'runner', 'transaction']);
    });

    it('although the monitor does not know yet, and the pool is refused a connection', async () => {
      const followed = await start(
        { failover: 'follow', primaryWaitMs: WAIT_MS },
        {
          monitor: { intervalMs: 20_000, maxLagMs: 30_000, connectTimeoutMs: 1_000 },
          consistency: { maxAgeMs: 200_000 },
        },
      );
      await primary.stop();
      const write = followed.write('refused at first');
      await first.promote();
      await write;
      expect(await textsOn(first)).toEqual(['refused at first']);
    });

    it('and a client reads what it has written as ever', async () => {
      const followed = await start({ failover: 'follow', primaryWaitMs: WAIT_MS });
      const { selector, dataSource } = followed;
      await primary.stop();
      await followed.timeUntil('primary', 'unreachable');
      const visiting = selector.run({ intent: 'primary' }, async () => {
        await dataSource.getRepository(Note).insert({ text: 'mine' });
        return selector.token();
      });
      await first.promote();
      await second.follow(first);
      const token = await visiting;
      const seen = await selector.run({ intent: 'replica', token }, () =>
        dataSource.getRepository(Note).find(),
      );
      expect(seen).toMatchObject([{ text: 'mine' }]);
    });
  });

  it("waits for an address that moves, with failover: 'none', where that is asked for", async () => {
    const proxy = await primary.proxy();
    const fixed = await start({ primaryWaitMs: WAIT_MS }, { primary: { url: proxy.through(primary.url) } });
    await primary.stop();
    await fixed.timeUntil('primary', 'unreachable');
    const write = fixed.write('moved');
    await first.promote();
    proxy.retarget(first);
    await write;
    expect(await textsOn(first)).toEqual(['moved']);
  });

  it("waits for the server's own restart, and for no longer than it is told", async () => {
    const fixed = await start({ primaryWaitMs: WAIT_MS });
    await primary.stop();
    await fixed.timeUntil('primary', 'unreachable');
    const write = fixed.write('restarted');
    await primary.start();
    await write;
    expect(await textsOn(primary)).toEqual(['restarted']);
  });

  it('is refused at once by default, and when the wait is 0', async () => {
    const fixed = await start({});
    await primary.stop();
    await fixed.timeUntil('primary', 'unreachable');
    const startedAtMs = performance.now();
    await expect(fixed.write()).rejects.toThrow(PrimaryUnavailableError);
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  it('is refused when the application closes meanwhile, which does not wait for it', async () => {
    const followed = await start({ failover: 'follow', primaryWaitMs: 25_000 });
    await primary.stop();
    await followed.timeUntil('primary', 'unreachable');
    const refused = expect(followed.write()).rejects.toThrow(PrimaryUnavailableError);
    const startedAtMs = performance.now();
    app = undefined;
    await followed.close();
    await refused;
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
  });

  it('is followed by no second wait when what was sent fails', async () => {
    const followed = await start({ failover: 'follow', primaryWaitMs: WAIT_MS });
    const sleeping = followed.selector.run({ intent: 'primary' }, () =>
      followed.dataSource.query(
        `INSERT INTO note (text) SELECT ${sqlOf({ postgres: `'sent' FROM pg_sleep(20)`, mariadb: `IF(SLEEP(20), '', 'sent')` })}`,
      ),
    );
    await waitUntil(async () => {
      const rows = await primary.control(`SELECT 1 FROM ${SESSIONS} WHERE text LIKE 'INSERT%' AND is_active`);
      return rows.length > 0;
    });
    const failed = expect(sleeping).rejects.not.toThrow(PrimaryUnavailableError);
    await switchOver();
    await failed;
    await followed.write('later');
    expect(await textsOn(first)).toEqual(['later']);
  });
});
