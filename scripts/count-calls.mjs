// Counts what one warm `find()` of a GET and one warm `save()` of a POST run of ours, from the call of the repository to
// its settled promise: calls (getters included) and files, with the built package, one built file per source file.
// The build must be fresh: `npm run count-calls`.
import { setImmediate } from 'node:timers/promises';
import { inSource, startCounting } from './call-coverage.mjs';
import { functionsLongerThan } from './source-functions.mjs';

const LONG_LINES = 60;
/** Until all connections of both replicas are open and every function on the way is compiled. */
const WARM_UP_REQUESTS = 50;
/** The one in the middle is shown: they differ by what the draw between two replicas asks. */
const ROUNDS = 21;

const counters = startCounting();
const [common, { NestFactory }, { FastifyAdapter }, { EntitySchema }, replicated, testing] =
  await Promise.all([
    import('@nestjs/common'),
    import('@nestjs/core'),
    import('@nestjs/platform-fastify'),
    import('typeorm'),
    import('nestjs-replicated'),
    import('nestjs-replicated/testing'),
  ]);

const Post = new EntitySchema({
  name: 'post',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});
/** One list of calls per measured request. */
let measured;

class PostsController {
  constructor(posts) {
    this.posts = posts;
  }
  list() {
    return countedCall(() => this.posts.find());
  }
  create() {
    return countedCall(() => this.posts.save({ text: 'hello' }));
  }
}
common.Controller('posts')(PostsController);
replicated.InjectReplicatedRepository(Post)(PostsController, undefined, 0);
for (const [name, decorate] of [
  ['list', common.Get()],
  ['create', common.Post()],
]) {
  const { prototype } = PostsController;
  decorate(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}

async function countedCall(call) {
  await setImmediate(); // what has called the handler goes on until its promise is waited for
  counters.take();
  const result = await call();
  measured.push(counters.take());
  return result;
}

const cluster = await testing.startPostgresCluster({ replicas: 2 });
try {
  await createTable();
  const app = await startApplication();
  try {
    const url = `${await app.getUrl()}/posts`;
    await request(url, { method: 'GET', times: WARM_UP_REQUESTS });
    await request(url, { method: 'POST', times: WARM_UP_REQUESTS });
    print({
      'find()': await request(url, { method: 'GET', times: ROUNDS }),
      'save()': await request(url, { method: 'POST', times: ROUNDS }),
    });
  } finally {
    await app.close();
  }
} finally {
  await cluster.stop();
  counters.stop();
}

/** Before the application starts: its replicas then have at once what the primary had at its start. */
async function createTable() {
  await cluster.primary.query('CREATE TABLE post (id serial PRIMARY KEY, text varchar NOT NULL)');
  await cluster.primary.query('GRANT ALL ON post, post_id_seq TO PUBLIC');
  await cluster.primary.query(`INSERT INTO post (text) VALUES ('first')`);
  await cluster.waitForReplication();
}

/** Probes once, at its start, and never while something is counted. */
async function startApplication() {
  class AppModule {}
  common.Module({
    imports: [
      replicated.ReplicatedModule.forRoot({
        type: 'postgres',
        entities: [Post],
        primary: { url: cluster.primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        routing: { explainHeader: true },
        monitor: { intervalMs: 600_000, maxLagMs: 1_200_000, hardMaxLagMs: 1_200_000 },
        consistency: { maxAgeMs: 3_600_000 },
      }),
      replicated.ReplicatedModule.forFeature([Post]),
    ],
    controllers: [PostsController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), {
    logger: ['error'],
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  return app;
}

/** One after the other, by clients without a token. */
async function request(url, { method, times }) {
  measured = [];
  for (let index = 0; index < times; index++) {
    const response = await fetch(url, { method });
    const route = response.headers.get('replication-route') ?? '';
    const expected = method === 'GET' ? 'replica-' : 'primary;';
    if (!response.ok || !route.startsWith(expected))
      throw new Error(`${method} answered ${response.status} from "${route}", expected "${expected}..."`);
    await response.text();
  }
  return measured;
}

function print(requests) {
  const sums = Object.entries(requests).map(([name, rounds]) => [name, sumUp(rounds)]);
  console.table(
    Object.fromEntries(sums.map(([name, { calls, files, range }]) => [name, { calls, files, range }])),
  );
  for (const [name, { list }] of sums) printFiles(name, list);
  const long = functionsLongerThan(LONG_LINES);
  console.log(`\nFunctions of more than ${LONG_LINES} lines: ${long.length || 'none'}`);
  for (const { file, name, line, lines } of long) console.log(`  ${lines} lines  ${file}:${line}  ${name}`);
}

function sumUp(rounds) {
  const sorted = rounds
    .map(inSource)
    .map((list) => ({ list, calls: callsIn(list) }))
    .sort((a, b) => a.calls - b.calls);
  const { list, calls } = sorted[Math.floor(sorted.length / 2)];
  const files = new Set(list.map(({ file }) => file)).size;
  return { list, calls, files, range: `${sorted[0].calls} to ${sorted.at(-1).calls}` };
}

function callsIn(list) {
  return list.reduce((sum, { count }) => sum + count, 0);
}

/** Files and their functions, those with the most calls first. */
function printFiles(name, list) {
  console.log(`\n${name}`);
  for (const [file, functions] of sortedFiles(list)) {
    console.log(`${String(callsIn(functions)).padStart(5)}  ${file}`);
    for (const { name, line, count } of functions.sort((a, b) => b.count - a.count || a.line - b.line))
      console.log(`${String(count).padStart(11)}  ${name}  :${line}`);
  }
}

function sortedFiles(list) {
  const files = new Map();
  for (const each of list) files.set(each.file, [...(files.get(each.file) ?? []), each]);
  return [...files].sort(([a, ofA], [b, ofB]) => callsIn(ofB) - callsIn(ofA) || a.localeCompare(b));
}
