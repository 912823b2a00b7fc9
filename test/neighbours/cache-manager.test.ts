import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module, Post as HttpPost, Query, UseInterceptors } from '@nestjs/common';
import { CACHE_MANAGER, CacheInterceptor, CacheKey, CacheModule } from '@nestjs/cache-manager';
import type { Cache } from 'cache-manager';
import {
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
} from 'nestjs-replicated';
import request from 'supertest';
import { databaseOptions, type Nodes } from './database-options.js';
import { openApp } from '../support/open-app.js';
import { Post } from './post.js';
import { withCluster } from './with-cluster.js';

@Controller('posts')
class PostsController {
  constructor(
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
    @Inject(CACHE_MANAGER) private readonly cache: Cache,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
    @Inject(ReplicationCluster) private readonly cluster: ReplicationCluster,
  ) {}

  @Get()
  @UseInterceptors(CacheInterceptor)
  @CacheKey('posts')
  async texts() {
    return (await this.posts.find()).map(({ text }) => text);
  }

  /** Purges the cache when every replica would fill it again with the new state. */
  @HttpPost()
  async create(@Query('text') text: string) {
    await this.posts.save({ text });
    await this.cluster.whenReplayed((await this.selector.token()) as string, { timeoutMs: 10_000 });
    await this.cache.del('posts');
  }
}

function application(nodes: Nodes) {
  @Module({
    imports: [
      ReplicatedModule.forRoot(databaseOptions(nodes, [Post])),
      ReplicatedModule.forFeature([Post]),
      CacheModule.register({ ttl: 60_000 }),
    ],
    controllers: [PostsController],
  })
  class AppModule {}
  return AppModule;
}

describe('@nestjs/cache-manager', () => {
  const stage = withCluster((nodes) => openApp({ imports: [application(nodes)] }));
  const get = () => request(stage.app.url).get('/posts');
  const post = (text: string) => request(stage.app.url).post('/posts').query({ text }).expect(201);

  it('answers from the cache without asking any server', async () => {
    await post('first');
    expect((await get()).headers['replication-route']).toMatch(/^replica-\d; reason=read-method$/);
    const { body, headers } = await get();
    expect(body).toContain('first');
    expect(headers['replication-route']).toBeUndefined();
  });

  it('is filled by replicas with the new state when it is purged after whenReplayed()', async () => {
    for (const replica of stage.cluster.replicas) await replica.setApplyDelay(300);
    await post('second');
    const { body, headers } = await get();
    expect(headers['replication-route']).toMatch(/^replica-\d; reason=read-method$/);
    expect(body).toContain('second');
    expect((await get()).body).toEqual(body);
    for (const replica of stage.cluster.replicas) await replica.setApplyDelay(0);
  });

  it('gives a write its token whatever the cache does', async () => {
    const { headers } = await post('third');
    expect(headers['set-cookie']).toHaveLength(1);
    await get();
    expect((await get()).headers['set-cookie']).toBeUndefined();
  });
});
