import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { FaultApp } from './fault-app.js';

describe('the first reads of an application', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
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
    await cluster.primary.query('SELECT pg_logical_emit_message(true, $1, $1)', ['late']);
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
    expect(await firstReadOn()).toBe('replica-1');
    await cluster.replicas[0]?.setApplyDelay(0);
  });

  it('go to the primary while a replica stays behind, and the start does not wait for it', async () => {
    await cluster.replicas[0]?.pauseReplay();
    expect(await firstReadOn()).toBe('primary');
    await cluster.replicas[0]?.resumeReplay();
  });
});
