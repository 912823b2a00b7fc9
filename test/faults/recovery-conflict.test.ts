import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { FaultApp } from './fault-app.js';

const LONG = 'SELECT count(*)::int AS count, pg_is_in_recovery() AS "isReplica", pg_sleep(2.5) FROM note';

describe('a read that conflicts with recovery', () => {
  let cluster: PostgresCluster;
  const stop = new AbortController();
  let cleaning: Promise<void>;

  beforeAll(async () => {
    cluster = await startPostgresCluster({
      replicas: 2,
      settings: { max_standby_streaming_delay: '300ms', hot_standby_feedback: 'off' },
    });
    const { primary } = cluster;
    const first = await start({ synchronize: true });
    await first.close();
    await primary.query('CREATE TABLE churn AS SELECT 1 AS n');
    const clean = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await primary.query('UPDATE churn SET n = n + 1');
        await primary.query('VACUUM churn');
      }
    };
    cleaning = clean();
  });
  afterAll(async () => {
    stop.abort();
    await cleaning;
    await cluster?.stop();
  });

  const start = (options: object): Promise<FaultApp> =>
    FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      ...options,
    });

  it('has one conflict, and then the primary, where there is none', async () => {
    const app = await start({});
    try {
      await app.allServe();
      await expect(app.read(LONG)).resolves.toMatchObject([{ isReplica: false }]);
      expect(app.cluster.stats().retries).toEqual({ 'recovery-conflict': 1 });
      expect(await app.readOn()).not.toBe('primary');
    } finally {
      await app.close();
    }
  });

  it('tries the other replicas where the primary may not stand in', async () => {
    const app = await start({ routing: { primaryFallback: false } });
    try {
      await app.allServe();
      await expect(app.read(LONG)).rejects.toThrow();
      expect(app.cluster.stats().retries).toEqual({ 'recovery-conflict': 2 });
    } finally {
      await app.close();
    }
  });
});
