import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Inject,
  Module,
  Post as HttpPost,
  Session,
  type MiddlewareConsumer,
} from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import session, { type SessionData } from 'express-session';
import {
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
} from 'nestjs-replicated';
import request from 'supertest';
import type { DataSource } from 'typeorm';
import { databaseOptions, type Nodes } from './database-options.js';
import { openApp, type RunningApplication } from '../support/open-app.js';
import { Post } from './post.js';
import { outsideUnits } from './sessions/outside-units.js';
import { StoredSession, TypeormStore } from './sessions/typeorm-store.js';
import { withCluster } from './with-cluster.js';

type Visits = SessionData & { visits?: number };

@Controller('posts')
class PostsController {
  constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}

  /** Counts the visit in the session: the store writes when this GET's response ends. */
  @Get()
  async list(@Session() visitor: Visits) {
    visitor.visits = (visitor.visits ?? 0) + 1;
    return { visits: visitor.visits, posts: await this.posts.count() };
  }

  @HttpPost()
  async create() {
    await this.posts.save({ text: 'written' });
  }
}

const imports = (nodes: Nodes) => [
  ReplicatedModule.forRoot(databaseOptions(nodes, [Post, StoredSession])),
  ReplicatedModule.forFeature([Post]),
];
const sessions = (store: session.Store) =>
  session({ store, secret: 'x', resave: false, saveUninitialized: false });

/** `app.use(session(...))` in main.ts, as its documentation has it. */
function inMain(nodes: Nodes, wrap: (store: session.Store, selector: ConnectionSelector) => session.Store) {
  @Module({ imports: imports(nodes), controllers: [PostsController] })
  class AppModule {}
  return openApp({
    imports: [AppModule],
    configure(app) {
      const store = new TypeormStore(app.get<DataSource>(getDataSourceToken()));
      app.use(sessions(wrap(store, app.get(ConnectionSelector))));
    },
  });
}

/** `consumer.apply(session(...))` in a module, which runs inside the unit of work. */
function inModule(nodes: Nodes): Promise<RunningApplication> {
  @Module({ imports: imports(nodes), controllers: [PostsController] })
  class AppModule {
    constructor(
      @Inject(getDataSourceToken()) private readonly dataSource: DataSource,
      @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
    ) {}
    configure(consumer: MiddlewareConsumer) {
      const store = outsideUnits(new TypeormStore(this.dataSource), this.selector);
      consumer.apply(sessions(store)).forRoutes(PostsController);
    }
  }
  return openApp({ imports: [AppModule] });
}

const MOUNTED = [
  ['app.use() in main.ts', (nodes: Nodes) => inMain(nodes, outsideUnits)],
  ['a middleware of a module', inModule],
] as const;

describe.each(MOUNTED)('express-session with a store on the same database, by %s', (_, start) => {
  const stage = withCluster(start);

  it('keeps the session of GET requests, which read a replica and leave no token', async () => {
    const client = request.agent(stage.app.url);
    for (const visits of [1, 2, 3]) {
      const { body, headers } = await client.get('/posts');
      expect(body.visits).toBe(visits);
      expect(headers['replication-route']).toMatch(/^replica-\d; reason=read-method$/);
      expect(cookieNames(headers)).toEqual(visits === 1 ? ['connect.sid'] : []);
    }
  });

  it('reads sessions where they were written, while the replicas stand still', async () => {
    const client = request.agent(stage.app.url);
    for (const replica of stage.cluster.replicas) await replica.pauseReplay();
    await client.get('/posts');
    expect((await client.get('/posts')).body.visits).toBe(2);
  });

  it('leaves the tokens of writes alone', async () => {
    const client = request.agent(stage.app.url);
    await client.get('/posts');
    const before = (await client.get('/posts')).body.posts;
    for (const replica of stage.cluster.replicas) await replica.pauseReplay();
    await client.post('/posts');
    const { body, headers } = await client.get('/posts');
    expect(body.posts).toBe(before + 1);
    expect(headers['replication-route']).toBe('primary; reason=behind-token');
  });
});

describe('express-session with a store that is not wrapped', () => {
  const stage = withCluster((nodes) => inMain(nodes, (store) => store));

  it('keeps what a GET puts into the session, since it is stored after the handler', async () => {
    const client = request.agent(stage.app.url);
    await client.get('/posts');
    expect((await client.get('/posts')).body.visits).toBe(2);
  });
});

function cookieNames(headers: Record<string, unknown>): string[] {
  return ((headers['set-cookie'] as string[] | undefined) ?? []).map((line) => line.split('=')[0] as string);
}
