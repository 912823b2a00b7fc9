import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource, type QueryRunner } from 'typeorm';
import { parseLsn } from '../../src/engines/postgres/lsn.js';
import { createKeyring } from '../../src/tokens/keyring.js';
import { FaultApp } from '../faults/fault-app.js';
import { at, openTokens, sealTokens } from '../support/postgres-places.js';
import { borrowPostgres } from '../support/borrow-postgres.js';

/** What another session has written and not committed is flushed when somebody commits, or after up to 15 s. */
describe('log that is not flushed behind a write', () => {
  let cluster: PostgresCluster;
  let app: FaultApp;
  let elsewhere: DataSource;
  let writer: QueryRunner;
  const keyring = createKeyring([]);

  beforeAll(async () => {
    cluster = await borrowPostgres({ replicas: 1 });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
    });
    await app.allServe();
    elsewhere = await new DataSource({ type: 'postgres', url: cluster.primary.url }).initialize();
    writer = elsewhere.createQueryRunner();
  });
  afterAll(async () => {
    await writer?.release();
    await elsewhere?.destroy();
    await app?.close();
    await cluster?.stop();
  });

  const places = async () => {
    const [row] = await cluster.primary.query<{ inserted: string; flushed: string }>(
      `SELECT pg_current_wal_insert_lsn()::text AS inserted, pg_current_wal_flush_lsn()::text AS flushed`,
    );
    return { inserted: parseLsn(row?.inserted ?? ''), flushed: parseLsn(row?.flushed ?? '') };
  };
  const isUnflushed = async (): Promise<boolean> => {
    const { inserted, flushed } = await places();
    return flushed < inserted;
  };
  /** Of a write behind which the other session has written before its position was asked for. */
  async function tokenBehindWhich(): Promise<string> {
    const text = await app.selector.run({ intent: 'primary' }, async () => {
      await app.write();
      return app.selector.token();
    });
    await writer.query(`INSERT INTO note (text) VALUES ('not committed')`);
    const { inserted } = await places();
    const [opened] = openTokens([text ?? ''], keyring).opened;
    if (opened?.kind !== 'token') throw new Error(`not a token: ${text}`);
    return sealTokens([{ ...opened.token, position: at(inserted), issuedAtMs: Date.now() }], keyring);
  }

  it('keeps no client from the replicas for long, and is no lag of theirs', async () => {
    for (let round = 1; ; round += 1) {
      await writer.startTransaction();
      const token = await tokenBehindWhich();
      const readOn = () =>
        app.selector.run({ intent: 'replica', token }, async () => {
          await app.dataSource.query('SELECT count(*) FROM note');
          return app.selector.route?.node;
        });
      const wasUnflushed = await isUnflushed();
      if (wasUnflushed) expect(await readOn()).toBe('primary');
      await waitUntil(async () => (await readOn()) === 'replica-1', { timeoutMs: 5_000 });
      await app.cluster.whenReplayed(token, { timeoutMs: 5_000 });
      const lagMs = app.cluster.nodes[1]?.lagMs;
      const isStill = await isUnflushed();
      await writer.rollbackTransaction();
      // The server may have flushed for itself: then nothing was shown.
      if (!isStill && round < 4) continue;
      expect([wasUnflushed, isStill]).toEqual([true, true]);
      expect(lagMs).toBeLessThan(1_000);
      return;
    }
  });
});
