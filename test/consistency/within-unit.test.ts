import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode, type TcpProxy } from 'nestjs-replicated/testing';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { SLEEP, startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

describe('what a unit of work has read from the primary in the place of replicas', () => {
  let cluster: PostgresCluster;
  let replica: PostgresNode;
  let proxy: TcpProxy;
  let app: FaultApp;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    replica = cluster.replicas[0] as PostgresNode;
    proxy = await replica.proxy();
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    proxy.resume();
    await replica.resumeReplay();
    await app?.close();
  });

  const start = async (maxConcurrent: number): Promise<void> => {
    app = await FaultApp.start({
      synchronize: true,
      dropSchema: true,
      primary: { url: cluster.primary.url, poolSize: 4 },
      replicas: [{ url: proxy.through(replica.url) }],
      routing: { primaryFallback: { maxConcurrent } },
    } as ReplicatedModuleOptions);
    await app.allServe();
  };
  const count = (): Promise<number> => app.dataSource.getRepository(Note).count();
  const here = (): string => `${app.selector.route?.node} ${app.selector.route?.reason}`;
  const stale = (): unknown =>
    app.cluster.metrics().find(({ name }) => name === 'nestjs_replicated.stale_reads')?.points;
  const staleByUnit = (value: number): unknown =>
    expect.arrayContaining([{ labels: { cluster: 'default', cause: 'unit' }, value }]);

  it('keeps it there behind a token, with the units inside and around it, though replicas have caught up', async () => {
    await start(2);
    await replica.pauseReplay();
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text: 'own' });
      return app.selector.token();
    });
    await app.selector.run({ intent: 'replica' }, async () => {
      expect([await count(), here()]).toEqual([0, 'replica-1 explicit']);
      await app.selector.run({ intent: 'replica', token }, async () => {
        expect([await count(), here()]).toEqual([1, 'primary behind-token']);
      });
      await replica.resumeReplay();
      await cluster.waitForReplication();
      const elsewhere = () =>
        app.selector.run({ intent: 'replica', token }, async () => [await count(), here()]);
      await waitUntil(async () => (await app.selector.outside(elsewhere))[1] === 'replica-1 explicit');
      expect([await count(), here()]).toEqual([1, 'primary behind-token']);
      expect([await app.selector.run({ intent: 'replica' }, count), here()]).toEqual([
        1,
        'primary behind-token',
      ]);
    });
    expect(await app.readOn()).toBe('replica-1');
    expect(stale()).toEqual(staleByUnit(0));
  });

  it('keeps it there while the fall-back has room; without, a replica reads at once, and is counted if it may have less', async () => {
    await start(1);
    const loseReplica = async (): Promise<void> => {
      proxy.reset();
      await app.timeUntil('replica-1', 'unreachable');
    };
    const findReplica = async (): Promise<void> => {
      proxy.resume();
      await app.timeUntil('replica-1', 'usable');
    };
    await replica.pauseReplay();
    await app.write('seen on the primary');
    await loseReplica();
    await app.selector.run({ intent: 'replica' }, async () => {
      expect([await count(), here()]).toEqual([1, 'primary no-usable-replica']);
      const other = app.selector.run({ intent: 'replica' }, async () => {
        await app.dataSource.query(`SELECT ${SLEEP}(0)`);
        await findReplica();
        await app.dataSource.query(`SELECT ${SLEEP}(2)`);
      });
      await waitUntil(() => app.stateOf('replica-1') === 'usable' && fallback() === 1);
      expect([await count(), here()]).toEqual([0, 'replica-1 explicit']);
      expect(stale()).toEqual(staleByUnit(1));

      await replica.resumeReplay();
      await cluster.waitForReplication();
      await waitUntil(async () => (await read()) === 1);
      expect(fallback()).toBe(1);
      await other;
      expect([await count(), here()]).toEqual([1, 'primary no-usable-replica']);
    });
  });

  const fallback = (): number | undefined =>
    app.cluster.metrics().find(({ name }) => name === 'nestjs_replicated.fallback.active')?.points[0]?.value;
  const read = (): Promise<number> => app.selector.run({ intent: 'replica' }, count);

  it('says nothing of what goes on after its handler, nor of other units', async () => {
    await start(2);
    await replica.pauseReplay();
    await app.write();
    proxy.reset();
    await app.timeUntil('replica-1', 'unreachable');
    let later: (() => Promise<unknown>) | undefined;
    await app.selector.run({ intent: 'replica' }, async () => {
      expect([await count(), here()]).toEqual([1, 'primary no-usable-replica']);
      later = app.selector.bind(count);
    });
    proxy.resume();
    await app.timeUntil('replica-1', 'usable');
    expect([await later?.(), await read()]).toEqual([0, 0]);
    expect(stale()).toEqual(staleByUnit(0));
  });
});
