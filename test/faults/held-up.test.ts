import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { startCluster } from '../support/database.js';
import { FaultApp } from './fault-app.js';
import { Load, messagesOf } from './load.js';

/** So long that no busy machine is taken for a process that is held up. */
const TIMEOUT_MS = 1_000;

/** As a long computation does. */
function blockTheProcess(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('a process that is held up', () => {
  let cluster: PostgresCluster;
  let app: FaultApp;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS, connectTimeoutMs: 10 * TIMEOUT_MS },
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  it('does not take its servers for dead, and fails no request', async () => {
    const lost: unknown[] = [];
    app.cluster.on('replicaEjected', (event) => lost.push(event));
    app.cluster.on('primaryLost', (event) => lost.push(event));
    const reads = new Load(() => app.read());
    const writes = new Load(() => app.write(), { callers: 2 });
    for (let times = 0; times < 3; times++) {
      blockTheProcess(2 * TIMEOUT_MS); // longer than a probe may take
      await pause(20);
    }
    blockTheProcess(4 * TIMEOUT_MS); // all that is known is old
    await reads.moreRequests(50);
    const [read, written] = [await reads.stop(), await writes.stop()];
    expect(messagesOf(read.failures)).toEqual({});
    expect(messagesOf(written.failures)).toEqual({});
    expect(lost).toEqual([]);
    await app.allServe();
  });

  it('asks replicas that it has not heard of for too long, before it refuses a read', async () => {
    const strict = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 1_000, timeoutMs: 500, maxLagMs: 1_000, hardMaxLagMs: 2_000 },
      routing: { primaryFallback: false },
    });
    try {
      await strict.allServe();
      for (let times = 0; times < 3; times++) {
        blockTheProcess(4_000);
        expect(await strict.readOn()).toMatch(/^replica-/);
        await strict.allServe();
      }
    } finally {
      await strict.close();
    }
  });
});
