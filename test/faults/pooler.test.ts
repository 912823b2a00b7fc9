import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { PrimaryUnavailableError } from 'nestjs-replicated';
import { hasPgBouncer, startPgBouncer, type PgBouncer } from '../consistency/pg-bouncer.js';
import { FaultApp, MACHINE_MS, QUICK_BOUND_MS } from './fault-app.js';
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
