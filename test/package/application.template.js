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
  touch() {
    void this.posts.save({ text: 'of the handler, which may not' });
    return 'ok';
  }
  fail() {
    throw new Error('of the handler');
  }
  denied() {
    return 'never';
  }
}
/** Logs its requests, as applications do: none of it may end the process, or be lost. */
class ErrorLog {
  constructor(posts) {
    this.posts = posts;
  }
  async catch(error, host) {
    await this.posts.save({ text: `filter: ${error.message}` });
    host.switchToHttp().getResponse().status(500).send({});
  }
}
const handler = (name, decorate) =>
  decorate(PostsController.prototype, name, Object.getOwnPropertyDescriptor(PostsController.prototype, name));
const Post = new typeorm.EntitySchema({
  name: 'post',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});
common.Controller({ path: 'posts', scope: common.Scope.REQUEST })(PostsController);
replicated.InjectReplicatedRepository(Post)(PostsController, undefined, 0);
class HealthController {
  constructor(service, replication) {
    this.service = service;
    this.replication = replication;
  }
  ready() {
    return this.service.check([() => this.replication.check('database', { minReplicas: 1 })]);
  }
}
common.Controller('health')(HealthController);
common.Inject(terminus.HealthCheckService)(HealthController, undefined, 0);
common.Inject(health.ReplicationHealthIndicator)(HealthController, undefined, 1);
for (const decorate of [common.Get(), terminus.HealthCheck()]) {
  const { prototype } = HealthController;
  decorate(prototype, 'ready', Object.getOwnPropertyDescriptor(prototype, 'ready'));
}
handler('list', common.Get());
handler('create', common.Post());
handler('touch', common.Get('touch'));
handler('fail', common.Get('fail'));
handler('denied', common.Get('denied'));
handler('denied', common.UseGuards({ canActivate: () => false }));
common.Catch()(ErrorLog);
replicated.InjectReplicatedRepository(Post)(ErrorLog, undefined, 0);

async function main() {
  const cluster = await testing.startPostgresCluster({ replicas: 1 });
  await serve(cluster, new express.ExpressAdapter(), countFaults);
  await serve(cluster, new fastify.FastifyAdapter());
  await cluster.stop();
  console.log(
    `ok: watched through faults, routed a GET, a POST, and a GET after POST with replay paused, and logged requests, on Express and Fastify (Node ${process.version})`,
  );
}

async function serve(cluster, adapter, check = async () => undefined) {
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
      terminus.TerminusModule.forRoot({ logger: false }),
    ],
    controllers: [PostsController, HealthController],
    providers: [health.ReplicationHealthIndicator, { provide: core.APP_FILTER, useClass: ErrorLog }],
  })(AppModule);
  const app = await core.NestFactory.create(AppModule, adapter, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${app.getHttpServer().address().port}/posts`;
  await cluster.waitForReplication();
  const collect = observe(app.get(replicated.ReplicationCluster));
  const routes = testing.recordRoutes(app);

  // The application finds out with its next probe that the replica has what was written before its start.
  await testing.waitUntil(async () => routeOf(await fetch(url)).startsWith('replica-1'));
  const read = await fetch(url);
  expect(read, 200, 'replica-1; reason=read-method');
  const { length: before } = await read.json();
  checkAudit(app, routes);
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
  if (posts.length !== before + 2)
    throw new Error(`the client does not see its own write: ${JSON.stringify(posts)}`);
  await cluster.replicas[0].resumeReplay();
  await check(app, cluster, url);
  await checkObserved(await collect(), url);
  await logRequests(app, url);
  await app.close();
}

/** Before and after: what handlers will do, and what they have done. */
function checkAudit(app, routes) {
  routes.assertUsed('GET /posts', 'replica');
  routes.stop();
  const list = audit.auditHandlers(app).find(({ handler }) => handler === 'PostsController.list');
  const { reads } = app
    .get(replicated.ReplicationCluster)
    .handlers()
    .find(({ handler }) => handler === list.handler);
  if (list.path !== '/posts' || list.intent !== 'replica' || reads < 1)
    throw new Error(`expected GET /posts on a replica, got ${JSON.stringify(list)} and ${reads} reads`);
}

/** Every metric, as OpenTelemetry and prom-client have it. */
function observe(cluster) {
  class Reader extends metrics.MetricReader {
    async onShutdown() {}
    async onForceFlush() {}
  }
  const reader = new Reader();
  const meterProvider = new metrics.MeterProvider({ readers: [reader] });
  const stop = otel.instrumentReplication(cluster, { meterProvider, pools: true });
  const registry = new prom.Registry();
  const plain = (name) => name.replaceAll('.', '_');
  for (const metric of cluster.metrics({ pools: true })) {
    const gauge = new prom.Gauge({
      name: plain(metric.name),
      help: metric.help,
      labelNames: metric.labelNames.map(plain),
      registers: [],
      collect() {
        for (const { labels, value } of metric.points)
          this.set(
            Object.fromEntries(Object.entries(labels).map(([label, text]) => [plain(label), text])),
            value,
          );
      },
    });
    registry.registerMetric(gauge);
  }
  return async () => {
    const { resourceMetrics } = await reader.collect();
    const text = await registry.metrics();
    stop();
    await meterProvider.shutdown();
    const seen = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return {
      seen: seen.map(({ descriptor }) => descriptor.name),
      text,
      expected: cluster.metrics({ pools: true }),
    };
  };
}

async function checkObserved({ seen, text, expected }, url) {
  const missing = [...expected.map(({ name }) => name), 'nestjs_replicated.wait.duration'].filter(
    (name) => !seen.includes(name),
  );
  if (missing.length > 0) throw new Error(`OpenTelemetry misses ${missing.join(', ')}`);
  for (const { name } of expected)
    if (!text.includes(`${name.replaceAll('.', '_')}{`)) throw new Error(`prom-client misses ${name}`);
  const ready = await fetch(url.replace('/posts', '/health'));
  const { status, info } = await ready.json();
  if (ready.status !== 200 || status !== 'ok' || info.database.replicas !== 1)
    throw new Error(`expected health, got ${ready.status} ${status} ${JSON.stringify(info)}`);
}

/** Under traffic, with the replica paused, killed and revived: each query is counted, and the lag is the pause's. */
async function countFaults(app, { replicas: [replica] }, url) {
  const cluster = app.get(replicated.ReplicationCluster);
  const pointsOf = (name) =>
    cluster.metrics().find((metric) => metric.name === `nestjs_replicated.${name}`).points;
  const counted = () => [...pointsOf('routes')].reduce((sum, { value }) => sum + value, 0);
  const lag = () => [...pointsOf('node.lag')].find(({ labels }) => labels.node === 'replica-1')?.value ?? NaN;
  const stateIs = (state) => async () => cluster.nodes[1].state === state;
  const before = counted();
  const traffic = { sent: 0, isOver: false };
  const callers = ['POST', 'GET', 'GET', 'GET'].map(async (method) => {
    while (!traffic.isOver) {
      traffic.sent += 1;
      const response = await fetch(url, { method });
      await response.text();
      if (!response.ok) throw new Error(`${method} was answered ${response.status}`);
    }
  });
  const pausedAt = performance.now();
  await replica.pauseReplay();
  await testing.waitUntil(async () => lag() > 3);
  const wrongBy = Math.abs(lag() - (performance.now() - pausedAt) / 1_000);
  if (wrongBy > 2) throw new Error(`the lag of a paused replica is wrong by ${wrongBy} s`);
  await replica.resumeReplay();
  await testing.waitUntil(async () => lag() < 1);
  await replica.kill();
  await testing.waitUntil(stateIs('unreachable'));
  await replica.start();
  await testing.waitUntil(stateIs('usable'));
  traffic.isOver = true;
  await Promise.all(callers);
  const { sent } = traffic;
  const found = counted() - before;
  if (Math.abs(found - sent) > sent / 100) throw new Error(`${sent} queries were sent, and ${found} counted`);
}

async function logRequests(app, url) {
  for (const path of ['touch', 'fail', 'denied']) await (await fetch(`${url}/${path}`)).text();
  const { writesUnderReplicaIntent, refusedWrites } = app.get(replicated.ReplicationCluster).stats();
  if (refusedWrites !== 1 || writesUnderReplicaIntent['PostsController.touch'] !== 1)
    throw new Error(`expected one refused write, of touch, got ${JSON.stringify(writesUnderReplicaIntent)}`);
  const cookie = (await fetch(url, { method: 'POST' })).headers.getSetCookie()[0].split(';')[0];
  const texts = (await (await fetch(url, { headers: { cookie } })).json()).map(({ text }) => text);
  for (const message of ['filter: of the handler', 'filter: Forbidden resource'])
    if (!texts.includes(message)) throw new Error(`"${message}" is missing in ${JSON.stringify(texts)}`);
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
