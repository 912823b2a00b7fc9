import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule, TypeOrmHealthIndicator } from '@nestjs/terminus';
import { ReplicatedModule } from 'nestjs-replicated';
import { waitUntil } from 'nestjs-replicated/testing';
import request from 'supertest';
import { databaseOptions, type Nodes } from './database-options.js';
import { openApp } from '../support/open-app.js';
import { Post } from './post.js';
import { withCluster } from './with-cluster.js';

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(TypeOrmHealthIndicator) private readonly database: TypeOrmHealthIndicator,
  ) {}

  /** The process answers. A database that is away is no reason to restart it. */
  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([]);
  }

  /** Some node serves reads. */
  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([() => this.database.pingCheck('database', { timeout: 5_000 })]);
  }
}

function application(nodes: Nodes) {
  @Module({
    imports: [
      ReplicatedModule.forRoot({
        ...databaseOptions(nodes, [Post]),
        monitor: { intervalMs: 500 },
      }),
      TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [HealthController],
  })
  class AppModule {}
  return AppModule;
}

describe('@nestjs/terminus', () => {
  const stage = withCluster((nodes) => openApp({ imports: [application(nodes)] }));
  const ask = (probe: 'live' | 'ready') => request(stage.app.url).get(`/health/${probe}`);

  it('pings by the route of the request', async () => {
    const { body, headers } = await ask('ready').expect(200);
    expect(body).toMatchObject({ status: 'ok', info: { database: { status: 'up' } } });
    expect(headers['replication-route']).toMatch(/^replica-[12]; reason=read-method$/);
  });

  it('asks no server for liveness', async () => {
    expect((await ask('live').expect(200)).headers['replication-route']).toBeUndefined();
  });

  it('stays ready without any replica, and without the primary', async () => {
    const { primary, replicas } = stage.cluster;
    for (const replica of replicas) await replica.kill();
    expect((await ask('ready').expect(200)).headers['replication-route']).toMatch(/(?:^|, )primary; [^,]+$/);
    for (const replica of replicas) await replica.start();
    await waitUntil(async () => (await ask('ready')).headers['replication-route']?.startsWith('replica'), {
      message: 'a replica to serve again',
    });
    await primary.kill();
    await ask('ready').expect(200);
  });

  it('is not ready, but alive, while no node serves; and ready again when one does', async () => {
    for (const node of stage.cluster.nodes) await node.kill();
    const { body } = await ask('ready').expect(503);
    expect(body).toMatchObject({ status: 'error', error: { database: { status: 'down' } } });
    await ask('live').expect(200);
    await stage.cluster.primary.start();
    await waitUntil(async () => (await ask('ready')).status === 200, { message: 'readiness to come back' });
  });
});
