import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { ReplicationHealthIndicator } from 'nestjs-replicated/terminus';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { sqlOf } from '../support/database.js';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(ReplicationHealthIndicator) private readonly replication: ReplicationHealthIndicator,
  ) {}

  @Get('ready') @HealthCheck() ready() {
    return this.health.check([() => this.replication.check('database', { minReplicas: 2 })]);
  }
  @Get('writes') @HealthCheck() writes() {
    return this.health.check([() => this.replication.check('database', { writes: 'down' })]);
  }
  @Get('reads') @HealthCheck() reads() {
    return this.health.check([() => this.replication.check('reads', { writes: 'ignore', minReplicas: 0 })]);
  }
  @Get('other') @HealthCheck() other() {
    return this.health.check([() => this.replication.check('database', { cluster: 'other' })]);
  }
}

describe('nestjs-replicated/terminus', () => {
  let nodes: PostgresCluster;
  let site: Site;
  const start = (options: Parameters<typeof optionsFor>[1] = {}, replicas = nodes.replicas) =>
    openApp({
      imports: [
        ReplicatedModule.forRoot(
          optionsFor({ primary: nodes.primary, replicas } as PostgresCluster, {
            monitor: { intervalMs: 300, timeoutMs: 300 },
            ...options,
          }),
        ),
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [HealthController],
      providers: [ReplicationHealthIndicator],
    });
  beforeAll(async () => {
    nodes = await startSeededCluster(2);
  });
  afterAll(() => nodes.stop());
  beforeEach(async () => {
    site = await start();
    await waitUntil(async () => states().every((state) => state === 'usable'));
  });
  afterEach(async () => {
    await site.app.close();
    for (const node of nodes.nodes) if (node.state === 'stopped') await node.start();
    await nodes.waitForReplication();
  });

  const cluster = () => site.app.get(ReplicationCluster);
  const states = () => cluster().nodes.map(({ state }) => state);
  /** Whatever the situation is, nothing is asked of a server. */
  const ask = async (what: string) => {
    const queries = queriesOf(cluster());
    const answer = await askOnce(what);
    expect(queriesOf(cluster())).toBe(queries);
    return answer;
  };
  const askOnce = async (what: string) => {
    const response = await fetch(`${site.url}/health/${what}`);
    const { status, info, error } = (await response.json()) as Record<string, object>;
    return { code: response.status, status, ...info, ...error };
  };
  const down = async (index: number) => {
    await nodes.nodes[index]?.kill();
    await waitUntil(async () => states()[index] === 'unreachable');
  };

  it('is up while all nodes are, and names their states without an address', async () => {
    expect(await ask('ready')).toEqual({
      code: 200,
      status: 'ok',
      database: {
        status: 'up',
        reads: true,
        writes: true,
        replicas: 2,
        nodes: { primary: 'usable', 'replica-1': 'usable', 'replica-2': 'usable' },
      },
    });
  });

  it('is degraded, and in service, with fewer replicas than are wanted', async () => {
    await down(1);
    expect(await ask('ready')).toMatchObject({
      code: 200,
      status: 'degraded',
      database: { status: 'degraded', replicas: 1, nodes: { 'replica-1': 'unreachable' } },
    });
    expect(await ask('reads')).toMatchObject({ code: 200, status: 'ok' });
  });

  it('is degraded without the primary, and down where writes are asked for', async () => {
    await down(0);
    expect(await ask('ready')).toMatchObject({ code: 200, status: 'degraded', database: { writes: false } });
    expect(await ask('writes')).toMatchObject({ code: 503, status: 'error', database: { status: 'down' } });
    expect(await ask('reads')).toMatchObject({ code: 200, status: 'ok' });
  });

  it('is down when no node may serve reads, and up again when one does', async () => {
    for (const index of [0, 1, 2]) await down(index);
    expect(await ask('ready')).toMatchObject({ code: 503, database: { reads: false, replicas: 0 } });
    await nodes.primary.start();
    await waitUntil(async () => (await ask('ready')).code === 200);
    expect(await ask('ready')).toMatchObject({ status: 'degraded', database: { reads: true, replicas: 0 } });
  });

  it('is down without replicas where the primary may not serve their reads', async () => {
    await site.app.close();
    site = await start({ routing: { primaryFallback: false } });
    await waitUntil(async () => states().every((state) => state === 'usable'));
    for (const index of [1, 2]) await down(index);
    expect(await ask('ready')).toMatchObject({ code: 503, database: { reads: false, writes: true } });
  });

  it('asks no server', async () => {
    const [replica] = nodes.replicas;
    // Nor do the monitors, for a while.
    await site.app.close();
    site = await start({ monitor: { intervalMs: 9_000 } });
    await waitUntil(async () => states().every((state) => state === 'usable'));
    const lastStatement = async () => (await replica?.query<{ last: string }>(LAST_STATEMENT))?.[0]?.last;
    const before = await lastStatement();
    for (let times = 0; times < 20; times++) await ask('ready');
    expect(await lastStatement()).toBe(before);
  });

  it('misses no replicas where there are none, and says nothing of what is not monitored', async () => {
    await site.app.close();
    site = await start({ routing: { onReplicaWrite: 'reject' } }, []);
    expect(await ask('ready')).toMatchObject({ code: 200, status: 'ok', database: { replicas: 0 } });
    await site.app.close();
    site = await start({ routing: {} }, []);
    expect(await ask('ready')).toEqual({ code: 200, status: 'ok', database: { status: 'up' } });
  });

  it('says which cluster it does not find', async () => {
    expect((await fetch(`${site.url}/health/other`)).status).toBe(500);
    const indicator = site.app.get(ReplicationHealthIndicator);
    expect(() => indicator.check('database', { cluster: 'other' })).toThrow(
      'ReplicationHealthIndicator finds no cluster "other" in this application.',
    );
  });
});

const queriesOf = (cluster: ReplicationCluster): string => JSON.stringify(cluster.stats().routes);

/** When the application has last sent something. */
const LAST_STATEMENT = sqlOf({
  postgres: `SELECT max(query_start)::text AS last FROM pg_stat_activity WHERE usename = 'app'`,
  mariadb: `SELECT max(query_id) AS last FROM information_schema.processlist WHERE user = 'app'`,
});
