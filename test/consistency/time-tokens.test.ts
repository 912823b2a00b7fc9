import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import { borrowPostgres } from '../support/borrow-postgres.js';

const PIN_MS = 300;
const SECRETS = ['the first secret, which is long enough', 'the second secret, which is long enough'];

describe('a client whose token tells no position', () => {
  let cluster: PostgresCluster;
  let writer: FaultApp;
  let reader: FaultApp;
  let number = 0;

  /** Instances of a deployment in which the secret is being rotated: one does not understand the tokens of the other. */
  const start = (
    secret: string | undefined,
    more: Partial<ReplicatedModuleOptions> = {},
  ): Promise<FaultApp> =>
    FaultApp.start({
      synchronize: secret === SECRETS[0],
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      consistency: { pinMs: PIN_MS, ...(secret && { secret }) },
      ...more,
    } as ReplicatedModuleOptions);

  beforeAll(async () => {
    cluster = await borrowPostgres({ replicas: 1 });
    writer = await start(SECRETS[0]);
    reader = await start(SECRETS[1]);
    await reader.allServe();
  });
  afterEach(async () => {
    await Promise.all(cluster.replicas.map((replica) => replica.resumeReplay()));
    await reader.allServe();
  });
  afterAll(async () => {
    await Promise.all([writer?.close(), reader?.close()]);
    await cluster?.stop();
  });

  async function write(): Promise<{ readonly text: string; readonly token: string | undefined }> {
    const text = `note ${(number += 1)}`;
    const token = await writer.selector.run({ intent: 'primary' }, async () => {
      await writer.dataSource.getRepository(Note).insert({ text });
      return writer.selector.token();
    });
    return { text, token };
  }
  const read = (text: string, token: string | undefined, app = reader) =>
    app.selector.run({ intent: 'replica', token }, async () => {
      const found = await app.dataSource.getRepository(Note).countBy({ text });
      return `${found} by ${app.selector.route?.role}: ${app.selector.route?.reason}`;
    });

  it('finds its write long after pinMs, while replicas lag', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { text, token } = await write();
    for (const untilMs = performance.now() + 10 * PIN_MS; performance.now() < untilMs; await pause(50))
      expect(await read(text, token)).toBe('1 by primary: unread-token');
  });

  it('reads replicas again as soon as their lag proves that they have it', async () => {
    const { text, token } = await write();
    await waitUntil(async () => (await read(text, token)) === '1 by replica: explicit', {
      timeoutMs: 10_000,
    });
  });

  it('is read by a replica that lags behind later writes, and has its own', async () => {
    const { text, token } = await write();
    await waitUntil(async () => (await read(text, token)).includes('replica'), { timeoutMs: 10_000 });
    await cluster.replicas[0]?.pauseReplay();
    await write();
    await pause(2_000);
    expect(await read(text, token)).toBe('1 by replica: explicit');
  });

  it('is waited for by whenReplayed()', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { token } = await write();
    // The other instance's token, handed on by this one, which seals what it does not understand as one of time.
    const handedOn = await reader.selector.run({ intent: 'replica', token }, () => reader.selector.token());
    await expect(reader.cluster.whenReplayed(handedOn, { timeoutMs: 2_000 })).rejects.toThrow('replica-1');
    await cluster.replicas[0]?.resumeReplay();
    await reader.cluster.whenReplayed(handedOn);
  });

  it('reads the primary for pinMs where lag is not known, and that is announced', async () => {
    await cluster.primary.query(`REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC`);
    await cluster.waitForReplication();
    const weak = await start(SECRETS[1]);
    try {
      const { text, token } = await write();
      const startedAtMs = performance.now();
      expect(await read(text, token, weak)).toBe('1 by primary: unread-token');
      await waitUntil(async () => (await read(text, token, weak)).includes('replica'));
      expect(performance.now() - startedAtMs).toBeLessThan(PIN_MS + 1_000);
    } finally {
      await weak.close();
      await cluster.primary.query(`GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn() TO PUBLIC`);
    }
  });
});
