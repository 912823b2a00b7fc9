import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { UseReplica, type ClusterEvents, type Route } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import type { Topology } from '../../src/cluster/nodes/topology.js';
import { PARAMETER, startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

interface Read {
  readonly rows: unknown[];
  readonly route: Route | undefined;
}

describe('consistency.verify', () => {
  let postgres: PostgresCluster;
  let app: FaultApp;
  let told: ClusterEvents['guaranteeBroken'][];

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 2 });
  });
  afterAll(() => postgres?.stop());
  afterEach(async () => {
    for (const replica of postgres.replicas) await replica.resumeReplay();
    await app.close();
  });

  const start = async (verify: number): Promise<void> => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: postgres.primary.url },
      replicas: postgres.replicas.map(({ url }) => ({ url })),
      consistency: { verify, maxWaitMs: 0 },
    } as never);
    await app.allServe();
    told = [];
    app.cluster.on('guaranteeBroken', (payload) => void told.push(payload));
  };

  const verified = (outcome: string): number | undefined =>
    app.cluster
      .metrics()
      .find(({ name }) => name === 'nestjs_replicated.verified_reads')
      ?.points.find(({ labels }) => labels['outcome'] === outcome)?.value;

  let texts = 0;
  async function write(): Promise<{ text: string; token: string | undefined }> {
    const text = `verified ${++texts}`;
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text });
      return app.selector.token();
    });
    return { text, token };
  }

  const read = async (text: string): Promise<Read> => {
    const sql = `SELECT text FROM note WHERE text = ${PARAMETER}`;
    const rows = await app.dataSource.query<unknown[]>(sql, [text]);
    return { rows, route: app.selector.route };
  };

  /** What a client reads of its own write, from replicas that are said to have it. */
  const readOwn = ({ text, token }: Awaited<ReturnType<typeof write>>): Promise<Read> =>
    app.selector.run({ intent: 'replica', token }, () => read(text));

  /** Breaks the promise: snapshots say of replicas that stand still that they have all that the primary has. */
  async function lie(): Promise<void> {
    const { topology } = (app.dataSource as unknown as { composed: { topology: Topology } }).composed;
    const position = (await topology.primary.observer.ask())?.position;
    if (position === undefined) throw new Error('The primary tells no position.');
    for (const { observer } of topology.replicas) observer.noticePosition(position);
  }

  async function readOwnFromLiars(): Promise<Read> {
    for (const replica of postgres.replicas) await replica.pauseReplay();
    const written = await write();
    await lie();
    return readOwn(written);
  }

  it('finds a promise that is broken, and serves the read rightly', async () => {
    await start(1);
    const { rows, route } = await readOwnFromLiars();
    expect(rows).toHaveLength(1);
    expect(route).toMatchObject({ node: 'primary', reason: 'behind-token' });
    expect(told).toEqual([
      {
        node: expect.stringMatching(/^replica-[12]$/),
        handler: undefined,
        required: expect.stringMatching(/\d/),
        found: expect.stringMatching(/\d/),
      },
    ]);
    expect([verified('broken'), verified('kept')]).toEqual([1, 0]);
  });

  it('sees what would be missed without it', async () => {
    await start(0);
    const { rows, route } = await readOwnFromLiars();
    expect(rows).toEqual([]);
    expect(route?.role).toBe('replica');
    expect(told).toEqual([]);
    expect([verified('broken'), verified('kept')]).toEqual([0, 0]);
  });

  it('forgets what was believed of the replica, so that others are not served by it', async () => {
    await start(1);
    for (const replica of postgres.replicas) await replica.pauseReplay();
    const written = await write();
    await lie();
    // Both replicas lie, and each is found out once.
    for (let times = 0; times < 10; times++) expect((await readOwn(written)).rows).toHaveLength(1);
    expect(told.length).toBeLessThanOrEqual(2);
    expect(new Set(told.map(({ node }) => node)).size).toBe(told.length);
  });

  it('counts the promises that are kept, and asks nothing where there is no token', async () => {
    await start(1);
    const written = await write();
    await postgres.waitForReplication();
    let onReplicas = 0;
    for (let times = 0; times < 20; times++) {
      const { rows, route } = await readOwn(written);
      expect(rows).toHaveLength(1);
      if (route?.role === 'replica') onReplicas += 1;
    }
    expect(onReplicas).toBeGreaterThan(0);
    expect([verified('broken'), verified('kept')]).toEqual([0, onReplicas]);
    for (let times = 0; times < 5; times++) await app.read();
    expect(verified('kept')).toBe(onReplicas);
  });

  it('names the handler, and leaves alone what need not show its client’s writes', async () => {
    await start(1);
    class Handlers {
      @UseReplica({ token: (token: string | undefined) => token })
      own(_token: string | undefined, text: string) {
        return read(text);
      }
      @UseReplica({ token: (token: string | undefined) => token, ownWrites: false })
      any(_token: string | undefined, text: string) {
        return read(text);
      }
    }
    for (const replica of postgres.replicas) await replica.pauseReplay();
    const { text, token } = await write();
    await lie();
    expect((await new Handlers().any(token, text)).rows).toEqual([]);
    expect((await new Handlers().own(token, text)).rows).toHaveLength(1);
    expect(told).toMatchObject([{ handler: 'Handlers.own' }]);
  });

  it('draws its share of the reads', async () => {
    await start(0.5);
    const written = await write();
    await postgres.waitForReplication();
    let onReplicas = 0;
    while (onReplicas < 200) if ((await readOwn(written)).route?.role === 'replica') onReplicas += 1;
    expect(verified('kept')).toBeGreaterThan(50);
    expect(verified('kept')).toBeLessThan(150);
  });
});

describe('reads that need not show what their client has written', () => {
  let postgres: PostgresCluster;
  let app: FaultApp;
  beforeAll(async () => {
    postgres = await startCluster({ replicas: 1 });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: postgres.primary.url },
      replicas: postgres.replicas.map(({ url }) => ({ url })),
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await postgres?.stop();
  });

  it('are counted as stale as long as their replica is not known to have it, the later ones of a unit as well', async () => {
    const stale = () =>
      app.cluster
        .metrics()
        .find(({ name }) => name === 'nestjs_replicated.stale_reads')
        ?.points.find(({ labels }) => labels['cause'] === 'use-slave')?.value;
    class Handlers {
      @UseReplica({ token: (token: string | undefined) => token, ownWrites: false })
      async twice(_token?: string) {
        await app.dataSource.query('SELECT 1');
        return app.dataSource.query('SELECT 1');
      }
    }
    await new Handlers().twice();
    expect(stale()).toBe(0);
    await postgres.replicas[0]?.pauseReplay();
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.write();
      return app.selector.token();
    });
    await new Handlers().twice(token);
    expect(stale()).toBe(2);
    await postgres.replicas[0]?.resumeReplay();
  });
});
