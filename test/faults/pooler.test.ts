import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  startPostgresCluster,
  startTcpProxy,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { PrimaryUnavailableError } from 'nestjs-replicated';
import { hasPgBouncer, startPgBouncer, type PgBouncer } from '../consistency/pg-bouncer.js';
import { FaultApp, MACHINE_MS, Note, QUICK_BOUND_MS } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

const when = hasPgBouncer ? describe : describe.skip;
if (!hasPgBouncer) console.log('PgBouncer is not installed: the faults behind it are not tested.');

when('behind PgBouncer in transaction mode', () => {
  let cluster: PostgresCluster;
  let bouncer: PgBouncer;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    const [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
    bouncer = await startPgBouncer({ writer: [cluster.primary], first: [first], second: [second] });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: bouncer.url('writer') },
      replicas: ['first', 'second'].map((name) => ({ url: bouncer.url(name), endpoint: 'server' as const })),
    });
  });
  afterAll(async () => {
    await app?.close();
    await bouncer?.stop();
    await cluster?.stop();
  });
  afterEach(() => app.allUsable());

  it.each<[string, (node: PostgresNode) => unknown, (node: PostgresNode) => unknown]>([
    ['killed', (node) => node.kill(), (node) => node.start()],
    ['frozen', (node) => node.freeze(), (node) => node.thaw()],
  ])('a replica %s fails no read, and it returns by itself', async (name, strike, mend) => {
    const [node] = cluster.replicas as [PostgresNode];
    await app.allServe();
    const reads = new Load(() => app.read('SELECT count(*), pg_sleep(0.01) FROM note'));
    await reads.moreRequests(100);
    const ejected = app.timeUntil('replica-1', 'unreachable');
    await strike(node);
    await reads.answersToThoseUnderWay(); // while the fault lasts
    const ejectMs = await ejected;
    await reads.moreRequests(50);
    await mend(node);
    const returnMs = await app.timeUntil('replica-1', 'usable');
    const report = await reads.stop();
    printFigures(`replica behind PgBouncer ${name}`, { ...report, ejectMs, returnMs });
    expect(messagesOf(report.failures)).toEqual({});
    expect(report.longestStallMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
  });

  it('the primary killed fails no read, and writes fail fast and work again without restart', async () => {
    await app.allServe();
    const reads = new Load(() => app.read());
    await reads.moreRequests(50);
    await cluster.primary.kill();
    await app.timeUntil('primary', 'unreachable');
    await expect(app.write()).rejects.toThrow(PrimaryUnavailableError);
    await reads.moreRequests(50);
    await cluster.primary.start();
    await app.timeUntil('primary', 'usable');
    await app.write();
    expect(messagesOf((await reads.stop()).failures)).toEqual({});
  });
});

when('a connection to PgBouncer that outlives a failover', () => {
  let cluster: PostgresCluster;
  let proxy: TcpProxy;
  let bouncer: PgBouncer;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    proxy = await startTcpProxy(cluster.primary);
    bouncer = await startPgBouncer({ writer: [{ host: '127.0.0.1', port: proxy.port }] });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: bouncer.url('writer'), extra: { max: 1 } },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      // Nobody tells the application in time to give its connection up.
      monitor: { intervalMs: 10_000 },
    });
  });
  afterAll(async () => {
    await app?.close();
    await bouncer?.stop();
    await proxy?.close();
    await cluster?.stop();
  });

  it('tells the timeline of the primary that each write reached', async () => {
    const [standby] = cluster.replicas as [PostgresNode];
    expect([await timelineOfWrite(app), await timelineOfWrite(app)]).toEqual([1, 1]);
    await cluster.waitForReplication();
    await cluster.primary.kill();
    await standby.promote();
    proxy.retarget(standby);
    await waitUntil(() => isWritable(bouncer.url('writer')), {
      message: 'PgBouncer to reach the new primary',
    });
    expect([await timelineOfWrite(app), await timelineOfWrite(app)]).toEqual([2, 2]);
  });
});

/** Of the token that a write leaves. */
async function timelineOfWrite({ selector, dataSource }: FaultApp): Promise<number> {
  const token = await selector.run({ intent: 'primary' }, async () => {
    await dataSource.getRepository(Note).insert({ text: 'x' });
    return selector.token();
  });
  return Buffer.from(token ?? '', 'base64url').readUInt32BE(TIMELINE_AT);
}

/** In an envelope: behind version, key, time, kind and cluster. */
const TIMELINE_AT = 1 + 4 + 6 + 1 + 8;

async function isWritable(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ is_standby: boolean }>('SELECT pg_is_in_recovery() AS is_standby');
    return rows[0]?.is_standby === false;
  } finally {
    await client.end();
  }
}
