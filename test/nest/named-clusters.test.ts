import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectCluster,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { DataSource, Repository } from 'typeorm';
import { TYPE } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { PLATFORMS, optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

@Controller()
class BothController {
  constructor(
    @InjectRepository(Note) private readonly users: Repository<Note>,
    @InjectRepository(Note, 'orders') private readonly orders: Repository<Note>,
    @InjectReplicatedRepository(Note, 'orders') private readonly views: ReplicatedRepository<Note>,
    @InjectDataSource('orders') private readonly ordersSource: DataSource,
    @InjectConnectionSelector() private readonly usersSelector: ConnectionSelector,
    @InjectConnectionSelector('orders') private readonly ordersSelector: ConnectionSelector,
    @InjectCluster('orders') private readonly ordersCluster: ReplicationCluster,
  ) {}

  private async both(): Promise<string> {
    return `users ${await serverOf(this.users)}, orders ${await serverOf(this.orders)}`;
  }

  @Get('read') read() {
    return this.both();
  }
  @Get('visit') @ChangesDatabase() visit() {
    return this.both();
  }
  @Post('order') async order() {
    await this.orders.save({ text: 'order' });
    return this.usersSelector.useReplica(() => this.both());
  }
  @Get('block') block() {
    return this.ordersSelector.usePrimary(() => this.both());
  }
  @Get('run') run() {
    return this.ordersSelector.run({ intent: 'primary' }, () => this.both());
  }
  @Get('nested') nested() {
    return this.usersSelector.usePrimary(() =>
      this.ordersSelector.run({ intent: 'replica' }, () => this.both()),
    );
  }
  @Post('run-replica') runReplica() {
    return this.ordersSelector.run({ intent: 'replica' }, () => this.both());
  }
  @Get('views') async views2() {
    return [await serverOf(this.views.primary), await serverOf(this.views.replica)].join();
  }
  @Get('names') names() {
    return [this.ordersCluster.name, this.ordersSource.options.type].join();
  }
}

describe('several clusters in one application', () => {
  let users: PostgresCluster;
  let orders: PostgresCluster;
  beforeAll(async () => {
    [users, orders] = await Promise.all([startSeededCluster(), startSeededCluster()]);
  });
  afterAll(async () => {
    await Promise.all([users?.stop(), orders?.stop()]);
  });

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    beforeAll(async () => {
      site = await openApp({
        createAdapter,
        imports: [
          ReplicatedModule.forRoot(optionsFor(users)),
          ReplicatedModule.forRootAsync({ name: 'orders', useFactory: () => optionsFor(orders) }),
          ReplicatedModule.forFeature([Note]),
          ReplicatedModule.forFeature([Note], 'orders'),
        ],
        controllers: [BothController],
      });
    });
    afterAll(() => site?.app.close());

    it.each([
      ['get', '/read', 'users replica, orders replica'],
      ['get', '/visit', 'users primary, orders primary'],
      ['post', '/order', 'users replica, orders primary'],
      ['get', '/block', 'users replica, orders primary'],
      ['get', '/run', 'users replica, orders primary'],
      ['get', '/nested', 'users primary, orders replica'],
      ['post', '/run-replica', 'users primary, orders replica'],
      ['get', '/views', 'primary,replica'],
      ['get', '/names', `orders,${TYPE}`],
    ] as const)('%s %s: %s', async (method, path, text) => {
      expect((await request(site.url)[method](path)).text).toBe(text);
    });

    it('a write on one leaves a token for that one only', async () => {
      for (const replica of [...users.replicas, ...orders.replicas]) await replica.pauseReplay();
      try {
        const client = request.agent(site.url);
        const { headers } = await client.post('/order');
        expect(headers['set-cookie']).toHaveLength(1);
        expect((await client.get('/read')).text).toBe('users replica, orders primary');
      } finally {
        for (const replica of [...users.replicas, ...orders.replicas]) await replica.resumeReplay();
        await orders.waitForReplication();
      }
    });

    it('the header tells the route on each', async () => {
      const response = await request(site.url).get('/read');
      expect(response.get('Replication-Route')).toBe(
        'replica-1; reason=read-method, replica-1; reason=read-method; cluster=orders',
      );
    });
  });
});
