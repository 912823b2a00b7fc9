import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post as HttpPost, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ConnectionSelector, InjectReplicatedRepository, ReplicatedModule } from 'nestjs-replicated';
import type { ReplicatedRepository } from 'nestjs-replicated';
import { DataType, newDb } from 'pg-mem';
import request from 'supertest';
import type { DataSource } from 'typeorm';
import { Post } from './post.js';

@Controller('posts')
class PostsController {
  constructor(
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
    private readonly selector: ConnectionSelector,
  ) {}

  @Get() all(): Promise<Post[]> {
    return this.selector.useReplica(() => this.posts.find());
  }

  @HttpPost() add(@Body() { text }: { text: string }): Promise<Post> {
    return this.posts.primary.save({ text });
  }
}

/** As in docs/testing.md. */
async function inMemory(): Promise<DataSource> {
  const db = newDb();
  db.public.registerFunction({
    name: 'version',
    returns: DataType.text,
    implementation: () => 'PostgreSQL 16',
  });
  db.public.registerFunction({
    name: 'current_database',
    returns: DataType.text,
    implementation: () => 'test',
  });
  db.public.none('CREATE TABLE post (id serial PRIMARY KEY, text text NOT NULL)');
  const dataSource: DataSource = db.adapters.createTypeormDataSource({
    type: 'postgres',
    entities: [Post],
  });
  return dataSource.initialize();
}

describe('an application on pg-mem in the place of the routed DataSource', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const nodeAt = (host: string) => ({ host, username: 'app', database: 'app' });
    const module = await Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot({
          type: 'postgres',
          entities: [Post],
          primary: nodeAt('primary.invalid'),
          replicas: [nodeAt('replica.invalid')],
        }),
        ReplicatedModule.forFeature([Post]),
      ],
      controllers: [PostsController],
    })
      .overrideProvider(getDataSourceToken())
      .useValue(await inMemory())
      .compile();
    app = await module.createNestApplication().init();
  });
  afterAll(() => app?.close());

  it('writes and reads without a server', async () => {
    const server = app.getHttpServer();
    await request(server).post('/posts').send({ text: 'in memory' }).expect(201);
    const { body } = await request(server).get('/posts').expect(200);
    expect(body).toEqual([{ id: 1, text: 'in memory' }]);
  });
});
