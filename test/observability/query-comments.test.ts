import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionSelector, ReplicationCluster, ReplicaWriteError } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { Note } from '../support/note.js';
import { startSeededCluster } from '../support/open-app.js';
import { startObservedSite, type ObservedSite } from './observed-site.js';

const RUNNING = 'SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()';

describe('routing.comment', () => {
  let nodes: PostgresCluster;
  let site: ObservedSite;
  let dataSource: DataSource;
  let selector: ConnectionSelector;
  beforeAll(async () => {
    nodes = await startSeededCluster(1);
    site = await startObservedSite(nodes, { routing: { comment: true } });
    dataSource = site.app.get(DataSource);
    selector = site.app.get(ConnectionSelector);
  });
  afterAll(async () => {
    await site.app.close();
    await nodes.stop();
  });
  const inUnit = <T>(intent: 'primary' | 'replica', run: () => Promise<T>): Promise<T> =>
    selector.run({ intent }, run);

  it('shows handler and reason on the server', async () => {
    const query = await (await site.client()('/running')).json();
    expect(query).toEqual([
      { query: `${RUNNING} /*handler='NotesController.running',reason='read-method'*/` },
    ]);
  });

  it('shows the reason where there is no handler', async () => {
    const [{ query }] = (await inUnit('replica', () => dataSource.query(RUNNING))) as [{ query: string }];
    expect(query).toBe(`${RUNNING} /*reason='explicit'*/`);
  });

  it('captures autocommit writes and transactions, and nothing of a rollback', async () => {
    const token = await inUnit('primary', async () => {
      await dataSource.getRepository(Note).insert({ text: 'a' });
      return selector.token();
    });
    expect(token).toEqual(expect.any(String));
    await site.app.get(ReplicationCluster).whenReplayed(token);
    await expect(
      inUnit('primary', async () => {
        await dataSource.transaction((manager) => manager.save(Note, { text: 'b' }));
        return selector.token();
      }),
    ).resolves.toEqual(expect.any(String));
    await expect(
      inUnit('primary', async () => {
        const failing = dataSource.transaction(async (manager) => {
          await manager.save(Note, { text: 'c' });
          throw new Error('not this time');
        });
        await expect(failing).rejects.toThrow('not this time');
        return selector.token();
      }),
    ).resolves.toBeUndefined();
    // A query that only reads in a unit of the primary leaves none, either.
    await expect(
      inUnit('primary', async () => {
        await dataSource.getRepository(Note).find();
        await dataSource.query('SELECT count(*) FROM note');
        return selector.token();
      }),
    ).resolves.toBeUndefined();
  });

  it('streams, and names the statement of a refused write', async () => {
    const rows = await inUnit('replica', async () => {
      const runner = dataSource.createQueryRunner();
      const release = (): void => void runner.release();
      const found = [];
      for await (const row of await runner.stream('SELECT generate_series(1, 200) n', [], release, release))
        found.push(row);
      return found.length;
    });
    expect(rows).toBe(200);
    const refused = inUnit('replica', () => dataSource.query(`INSERT INTO note (text) VALUES ('d')`));
    await expect(refused).rejects.toThrow(ReplicaWriteError);
    await expect(refused).rejects.toThrow(/^INSERT was refused/);
  });
});
