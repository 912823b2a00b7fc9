// An application as a user would write it, but without a compiler: decorators are called by hand. `IMPORTS` becomes
// `import` or `require`, so that both builds of the package are used as they are published.
/* IMPORTS */

class PostsController {
  constructor(posts) {
    this.posts = posts;
  }
  list() {
    return this.posts.find();
  }
  create() {
    return this.posts.save({ text: 'hello' });
  }
}
const handler = (name, decorate) =>
  decorate(PostsController.prototype, name, Object.getOwnPropertyDescriptor(PostsController.prototype, name));
const Post = new typeorm.EntitySchema({
  name: 'post',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});
common.Controller('posts')(PostsController);
replicated.InjectReplicatedRepository(Post)(PostsController, undefined, 0);
handler('list', common.Get());
handler('create', common.Post());

async function main() {
  const cluster = await testing.startPostgresCluster({ replicas: 1 });
  class AppModule {}
  common.Module({
    imports: [
      replicated.ReplicatedModule.forRoot({
        type: 'postgres',
        entities: [Post],
        synchronize: true,
        primary: { url: cluster.primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        routing: { explainHeader: true },
      }),
      replicated.ReplicatedModule.forFeature([Post]),
    ],
    controllers: [PostsController],
  })(AppModule);
  const app = await core.NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${app.getHttpServer().address().port}/posts`;
  await cluster.waitForReplication();

  // The application finds out with its next probe that the replica has what was written before its start.
  await testing.waitUntil(async () => routeOf(await fetch(url)).startsWith('replica-1'));
  const read = await fetch(url);
  expect(read, 200, 'replica-1; reason=read-method');
  const written = await fetch(url, { method: 'POST' });
  expect(written, 201, 'primary; reason=write-method');
  await cluster.waitForReplication();
  await cluster.replicas[0].pauseReplay();
  const again = await fetch(url, { method: 'POST' });
  const cookie = again.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const own = await fetch(url, { headers: { cookie } });
  expect(own, 200, 'primary; reason=behind-token');
  const posts = await own.json();
  if (posts.length !== 2) throw new Error(`the client does not see its own write: ${JSON.stringify(posts)}`);
  await app.close();
  await cluster.stop();
  console.log(`ok: routed a GET, a POST, and a GET after POST with replay paused (Node ${process.version})`);
}

function expect(response, status, route) {
  const got = routeOf(response);
  if (response.status !== status || got !== route)
    throw new Error(`expected ${status} ${route}, got ${response.status} ${got}`);
}

function routeOf(response) {
  return response.headers.get('replication-route') ?? '';
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
