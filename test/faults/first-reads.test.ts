import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { A_WRITE, startCluster } from '../support/database.js';
import { FaultApp } from './fault-app.js';

describe('the first reads of an application', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    const schema = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [],
    });
    await schema.close();
    await cluster.waitForReplication();
  });
  afterAll(() => cluster?.stop());

  /** The node of the first read after a start, behind a write that the replica has not replayed yet. */
  const firstReadOn = async (): Promise<string | undefined> => {
    await cluster.primary.query(A_WRITE);
    const app = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 5_000, timeoutMs: 500 }, // no second probe helps
    });
    try {
      return await app.readOn();
    } finally {
      await app.close();
    }
  };

  it('go to a replica that was a moment behind at the start', async () => {
    await cluster.replicas[0]?.setApplyDelay(150);
    await cluster.primary.query(A_WRITE);
    await cluster.waitForReplication(); // it has connected again
    expect(await firstReadOn()).toBe('replica-1');
    await cluster.replicas[0]?.setApplyDelay(0);
  });

  it('go to the primary while a replica stays behind, also when the primary said late where it was', async () => {
    const [replica] = cluster.replicas as [PostgresNode];
    const proxy = await cluster.primary.proxy();
    await replica.pauseReplay();
    await cluster.primary.query(A_WRITE);
    const starting = FaultApp.start({
      primary: { url: proxy.through(cluster.primary.url) },
      replicas: [{ url: replica.url }],
    });
    // The second connection is the monitor's, whose first question is left without an answer.
    await waitUntil(() => proxy.connections === 2, { intervalMs: 0 });
    proxy.stall();
    const app = await starting;
    try {
      expect(app.stateOf('primary')).toBe('unreachable');
      proxy.resume();
      await app.allUsable();
      expect(await app.readOn()).toBe('primary');
    } finally {
      proxy.resume();
      await replica.resumeReplay();
      await app.close();
    }
  });

  it('go to the primary while a replica stays behind, and the start does not wait for it', async () => {
    await cluster.replicas[0]?.pauseReplay();
    expect(await firstReadOn()).toBe('primary');
    await cluster.replicas[0]?.resumeReplay();
  });

  it('say that replicas are behind the start, while all of them are usable', async () => {
    const [replica] = cluster.replicas as [PostgresNode];
    await replica.pauseReplay();
    await cluster.primary.query(A_WRITE);
    const app = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url }],
    });
    try {
      const reasons: string[] = [];
      app.cluster.onRoute(({ role, reason }) => reasons.push(`${role} ${reason}`));
      await app.allUsable();
      await app.read();
      expect(reasons.at(-1)).toBe('primary behind-start');
      await replica.resumeReplay();
      await waitUntil(async () => (await app.readOn()) === 'replica-1');
    } finally {
      await replica.resumeReplay();
      await app.close();
    }
  });
});
