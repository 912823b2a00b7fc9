import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster, FaultyNode, TcpProxy } from 'nestjs-replicated/testing';
import { COUNT, startCluster } from '../support/database.js';
import { FaultApp, nodesBehind } from './fault-app.js';
import { FAULTS } from './fault-list.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

const SEED = 20_260_101;
const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? 12);
const ROUND_LIMIT_MS = 15_000;

/** The same numbers from 0 to below 1 in every run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('random faults', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    proxies = await Promise.all(cluster.nodes.map((node) => node.proxy()));
    app = await FaultApp.start({
      synchronize: true,
      ...nodesBehind(proxies, cluster),
      monitor: { queryTimeoutMs: 5_000 }, // writes may hang that long where the network forgot their connection
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  it(
    `${ROUNDS} rounds, one node at a time: no read fails, no acknowledged write is lost, and everything returns`,
    async () => {
      const random = randomFrom(SEED);
      const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
      const connectionsBefore = proxies.map((proxy) => proxy.connections);
      let acknowledged = 0;
      const reads = new Load(() => app.read(), { callers: 6 });
      const writes = new Load(() => app.write('counted').then(() => (acknowledged += 1)), { callers: 2 });
      let [slowestEjectMs, slowestReturnMs] = [0, 0];
      for (let round = 0; round < ROUNDS; round++) {
        const index = Math.floor(random() * 3);
        const { strike, mend } = pick(FAULTS);
        const [node, proxy] = [cluster.nodes[index] as FaultyNode, proxies[index] as TcpProxy];
        const lost = app.timeUntil(node.name, 'unreachable');
        await strike(node, proxy);
        slowestEjectMs = Math.max(slowestEjectMs, await lost);
        await reads.moreRequests(Math.floor(random() * 40));
        await mend(node, proxy);
        const mendedAtMs = performance.now();
        await app.allUsable();
        slowestReturnMs = Math.max(slowestReturnMs, performance.now() - mendedAtMs);
      }
      const report = await reads.stop();
      const written = await writes.stop();
      const figures = { ejectMs: slowestEjectMs, returnMs: slowestReturnMs };
      printFigures(`${ROUNDS} random faults, reads (times: the longest)`, { ...report, ...figures });
      printFigures(`${ROUNDS} random faults, writes`, written);
      expect(messagesOf(report.failures)).toEqual({});
      expect(written.longestStallMs).toBeLessThan(10_000);
      const [{ count }] = (await app.selector.run({ intent: 'primary' }, () =>
        app.dataSource.query(`SELECT ${COUNT} FROM note WHERE text = 'counted'`),
      )) as [{ count: number }];
      // One whose answer was lost may have been made all the same; one that was acknowledged must be there.
      expect(count).toBeGreaterThanOrEqual(acknowledged);
      expect(count).toBeLessThanOrEqual(acknowledged + written.failures.length);
      await app.allServe();
      for (const [index, before] of connectionsBefore.entries())
        expect(proxies[index]?.connections).toBeLessThanOrEqual(before + 20);
    },
    ROUNDS * ROUND_LIMIT_MS,
  );
});
