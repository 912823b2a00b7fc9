import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import type { PostgresCluster, PostgresNode } from 'nestjs-replicated/testing';
import type { DataSource } from 'typeorm';
import { startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

const POOL_SIZE = 3;
/** So many milliseconds that a replica that goes on has time to answer within ten times as long. */
const MAX_WAIT_MS = 100;

/** On whichever database: what a client has written, however it has, it finds. */
describe('a client that has written', () => {
  let servers: PostgresCluster;
  let replica: PostgresNode;
  let app: FaultApp;
  let isPaused = false;

  beforeAll(async () => {
    servers = await startCluster({ replicas: 1 });
    [replica] = servers.replicas as [PostgresNode];
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: servers.primary.url, poolSize: POOL_SIZE },
      consistency: { maxWaitMs: MAX_WAIT_MS },
      replicas: [{ url: replica.url }],
    });
    await servers.waitForReplication();
    await app.allServe();
  });
  beforeEach(async () => {
    await replica.pauseReplay();
    isPaused = true;
  });
  const resume = async (): Promise<void> => {
    if (isPaused) await replica.resumeReplay();
    isPaused = false;
    await servers.waitForReplication();
  };
  afterEach(resume);
  afterAll(async () => {
    await app?.close();
    await servers?.stop();
  });

  const post = (write: (dataSource: DataSource) => Promise<unknown>): Promise<string | undefined> =>
    app.selector.run({ intent: 'primary' }, async () => {
      await write(app.dataSource);
      return app.selector.token();
    });
  const get = (text: string, token?: string) =>
    app.selector.run({ intent: 'replica', ...(token !== undefined && { token }) }, async () => {
      const found = await app.dataSource.getRepository(Note).countBy({ text });
      return { found, role: app.selector.route?.role };
    });

  it.each<[string, (dataSource: DataSource, text: string) => Promise<unknown>]>([
    ['insert()', (dataSource, text) => dataSource.getRepository(Note).insert({ text })],
    ['save()', (dataSource, text) => dataSource.getRepository(Note).save({ text })],
    ['query()', (dataSource, text) => dataSource.query(`INSERT INTO note (text) VALUES ('${text}')`)],
    ['a transaction', (dataSource, text) => dataSource.transaction((m) => m.insert(Note, { text }))],
    [
      'a query runner',
      async (dataSource, text) => {
        const runner = dataSource.createQueryRunner();
        try {
          await runner.query('BEGIN');
          await runner.query(`INSERT INTO note (text) VALUES ('${text}')`);
          await runner.query('COMMIT');
        } finally {
          await runner.release();
        }
      },
    ],
  ])('by %s finds it on the primary, and on the replica once that has it', async (how, write) => {
    const token = await post((dataSource) => write(dataSource, how));
    expect(token).toBeDefined();
    expect(await get(how)).toEqual({ found: 0, role: 'replica' });
    expect(await get(how, token)).toEqual({ found: 1, role: 'primary' });
    await resume();
    let answer = await get(how, token);
    for (let round = 0; round < 200 && answer.role === 'primary'; round++) answer = await get(how, token);
    expect(answer).toEqual({ found: 1, role: 'replica' });
  });

  it('waits for the replica for longer while all connections to the primary are in use', async () => {
    const token = await post((dataSource) => dataSource.getRepository(Note).insert({ text: 'crowded' }));
    const writers = await Promise.all(
      Array.from({ length: POOL_SIZE }, async () => {
        const runner = app.dataSource.createQueryRunner('master');
        await runner.connect();
        return runner;
      }),
    );
    const reading = get('crowded', token);
    await Promise.race([reading, setTimeout(3 * MAX_WAIT_MS)]);
    await resume();
    expect(await reading).toEqual({ found: 1, role: 'replica' });
    for (const runner of writers) await runner.release();
  });

  it('nothing, has no token', async () => {
    const undone = post((dataSource) =>
      dataSource
        .transaction(async (manager) => {
          await manager.insert(Note, { text: 'undone' });
          throw new Error('undo');
        })
        .catch(() => undefined),
    );
    expect(await undone).toBeUndefined();
  });

  it('on a read-only session is refused', async () => {
    const write = app.read(`INSERT INTO note (text) VALUES ('by a GET')`);
    await expect(write).rejects.toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE' });
  });
});
