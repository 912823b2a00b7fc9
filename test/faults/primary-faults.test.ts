import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster, PostgresNode, TcpProxy } from 'nestjs-replicated/testing';
import { COUNT, SLEEP, startCluster } from '../support/database.js';
import { PrimaryUnavailableError } from 'nestjs-replicated';
import { FaultApp, MACHINE_MS, QUICK, QUICK_BOUND_MS } from './fault-app.js';
import { FAULTS } from './fault-list.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

/** From the moment a primary goes silent until the writes on it are given up. */
const GIVE_UP_MS = QUICK_BOUND_MS + QUICK.connectTimeoutMs + QUICK.intervalMs * 1.2 + QUICK.timeoutMs;

const QUERY_TIMEOUT_MS = 3_000;

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] as number;
}

describe('the primary fails under load', () => {
  let cluster: PostgresCluster;
  let proxy: TcpProxy;
  let app: FaultApp;
  let primary: PostgresNode;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    primary = cluster.primary;
    proxy = await primary.proxy();
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: proxy.through(primary.url), poolSize: 4 },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { queryTimeoutMs: QUERY_TIMEOUT_MS },
    });
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });
  afterEach(() => app.allUsable());

  it.each(FAULTS)(
    '$name: no read fails, writes fail fast and work again without restart',
    async ({ name, strike, mend, isLoud }) => {
      await app.allUsable();
      const reads = new Load(() => app.read(`SELECT count(*), ${SLEEP}(0.01) FROM note`));
      const writes = new Load(() => app.write(), { callers: 8 });
      await reads.moreRequests(100);
      const lost = app.timeUntil('primary', 'unreachable');
      await strike(primary, proxy);
      const ejectMs = await lost;
      const lostAtMs = performance.now();
      await writes.answersToThoseUnderWay(); // while the fault lasts
      await writes.moreRequests(200);
      await mend(primary, proxy);
      const returnMs = await app.timeUntil('primary', 'usable');
      await app.write();
      const read = await reads.stop();
      const written = await writes.stop();
      printFigures(`primary ${name}, reads`, read);
      printFigures(`primary ${name}, writes`, { ...written, ejectMs, returnMs });
      expect(messagesOf(read.failures)).toEqual({});
      expect(read.longestStallMs).toBeLessThan(MACHINE_MS);
      expect(written.longestStallMs).toBeLessThan((isLoud ? 0 : GIVE_UP_MS) + MACHINE_MS);
      // Those sent after its loss was known: not after a pool's time-out each.
      const later = written.failures.filter(({ atMs, tookMs }) => atMs - tookMs > lostAtMs);
      expect(later.length).toBeGreaterThan(50);
      const others = later.filter(({ error }) => !(error instanceof PrimaryUnavailableError));
      expect(messagesOf(others)).toEqual({});
      expect(medianOf(later.map(({ tookMs }) => tookMs))).toBeLessThan(QUICK.connectTimeoutMs / 2);
    },
  );

  it('a stall shorter than monitor.connectTimeoutMs kills no transaction', async () => {
    const { dataSource } = app;
    await app.allUsable();
    const stalled = dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO note (text) VALUES ('before the stall')`);
      proxy.stall();
      await app.timeUntil('primary', 'unreachable');
      proxy.resume();
      await manager.query(`INSERT INTO note (text) VALUES ('after the stall')`);
    });
    await expect(stalled).resolves.toBeUndefined();
  });

  it('a transaction on a primary that stays silent ends, and is not committed', async () => {
    const { dataSource } = app;
    await app.allUsable();
    const startedAtMs = performance.now();
    const hanging = dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO note (text) VALUES ('lost')`);
      proxy.blackhole();
      await manager.query(`INSERT INTO note (text) VALUES ('lost')`);
    });
    await expect(hanging).rejects.toThrow();
    expect(performance.now() - startedAtMs).toBeLessThan(GIVE_UP_MS + MACHINE_MS);
    proxy.resume();
    await app.allUsable();
    const [{ count }] = await dataSource.query(`SELECT ${COUNT} FROM note WHERE text = 'lost'`);
    expect(count).toBe(0);
  });

  it.each([
    ['found out', 'unreachable'],
    ['noticed by one probe only', 'suspect'],
  ] as const)(
    'when its network has forgotten all connections, %s, writes work at once: no idle one is used again',
    async (_, state) => {
      await app.allUsable();
      await Promise.all(Array.from({ length: 4 }, () => app.write())); // leaves idle ones
      proxy.blackhole();
      await app.timeUntil('primary', state);
      proxy.resume();
      await app.timeUntil('primary', 'usable');
      const startedAtMs = performance.now();
      await Promise.all(Array.from({ length: 8 }, () => app.write()));
      expect(performance.now() - startedAtMs).toBeLessThan(MACHINE_MS);
    },
  );

  it('and a write that waits on such a connection ends after queryTimeoutMs', async () => {
    await app.allUsable();
    const hanging = app.dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO note (text) VALUES ('forgotten')`);
      proxy.blackhole();
      await manager.query(`INSERT INTO note (text) VALUES ('forgotten')`);
    });
    const outcome = Promise.allSettled([hanging]);
    await app.timeUntil('primary', 'unreachable');
    proxy.resume();
    await app.timeUntil('primary', 'usable');
    const slow = app.selector.run({ intent: 'primary' }, () =>
      app.dataSource.query(`SELECT ${SLEEP}(${(1.5 * QUERY_TIMEOUT_MS) / 1_000})`),
    );
    const startedAtMs = performance.now();
    const [{ status }] = (await outcome) as [{ status: string }];
    expect(status).toBe('rejected');
    expect(performance.now() - startedAtMs).toBeLessThan(QUERY_TIMEOUT_MS + QUICK_BOUND_MS + MACHINE_MS);
    await expect(slow).resolves.toBeDefined(); // one that began after the outage is left alone
  });

  it('a connection that is being made when the primary goes silent is given up', async () => {
    await app.allUsable();
    proxy.resetConnections(); // so that the next write has to connect
    await app.allUsable();
    proxy.blackhole();
    const startedAtMs = performance.now();
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => app.write()));
    expect(performance.now() - startedAtMs).toBeLessThan(GIVE_UP_MS + MACHINE_MS);
    expect(new Set(attempts.map(({ status }) => status))).toEqual(new Set(['rejected']));
    proxy.resume();
  });
});
