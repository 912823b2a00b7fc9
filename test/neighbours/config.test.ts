import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { InjectReplicatedRepository, ReplicatedModule, ReplicatedRepository } from 'nestjs-replicated';
import request from 'supertest';
import { databaseOptions, type Nodes } from './database-options.js';
import { openApp } from '../support/open-app.js';
import { Post } from './post.js';
import { withCluster } from './with-cluster.js';

@Controller('posts')
class PostsController {
  constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}
  @Get()
  count() {
    return this.posts.count();
  }
}

function application(nodes: Nodes) {
  const environment = () => ({
    PRIMARY_URL: nodes.primary.url,
    REPLICA_URLS: nodes.replicas.map(({ url }) => url).join(','),
  });
  @Module({
    imports: [
      ReplicatedModule.forRootAsync({
        imports: [ConfigModule.forRoot({ load: [environment], ignoreEnvFile: true })],
        inject: [ConfigService],
        useFactory: (config: ConfigService) =>
          databaseOptions(
            {
              primary: { url: config.getOrThrow<string>('PRIMARY_URL') },
              replicas: config
                .getOrThrow<string>('REPLICA_URLS')
                .split(',')
                .map((url) => ({ url })),
            },
            [Post],
          ),
      }),
      ReplicatedModule.forFeature([Post]),
    ],
    controllers: [PostsController],
  })
  class AppModule {}
  return AppModule;
}

describe('@nestjs/config', () => {
  const stage = withCluster((nodes) => openApp({ imports: [application(nodes)] }));

  it('says where the nodes are, through forRootAsync', async () => {
    const { headers } = await request(stage.app.url).get('/posts').expect(200);
    expect(headers['replication-route']).toMatch(/^replica-[12]; reason=read-method$/);
  });
});
