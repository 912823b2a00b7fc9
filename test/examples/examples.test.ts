import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type PostgresCluster,
} from 'nestjs-replicated/testing';
import request from 'supertest';
import { hasRedis, startRedis, type RedisServer } from '../entry-points/redis-server.js';
import { describeMariadb } from '../support/mariadb-server.js';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { startExample, type Example } from './example.js';

type Cluster = PostgresCluster | MariadbCluster;

const START_MS = 90_000;
const ROUTE = 'replication-route';
const READ_BY_REPLICA = /^replica-1; reason=read-/;
const OWN_WRITE = 'primary; reason=behind-token';

let example: Example | undefined;

afterEach(async () => {
  await example?.stop();
  example = undefined;
});

async function open(name: string, cluster: Cluster, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const urls = { PRIMARY_URL: cluster.primary.url, REPLICA_URL: cluster.replicas[0]?.url };
  example = await startExample(name, { ...urls, ...env });
  return example.url;
}

/** Waits until the replica is read, and pauses its replay. */
async function pause(cluster: Cluster, read: () => request.Test): Promise<void> {
  await waitUntil(async () => READ_BY_REPLICA.test((await read()).get(ROUTE) ?? ''));
  await cluster.replicas[0]?.pauseReplay();
}

async function expectOwnPosts(url: string, cluster: Cluster): Promise<void> {
  const [author, stranger] = [request.agent(url), request(url)];
  await pause(cluster, () => stranger.get('/posts'));
  await author.post('/posts').send({ text: 'mine' }).expect(201);
  await author
    .get('/posts')
    .expect(ROUTE, OWN_WRITE)
    .expect([{ id: 1, text: 'mine' }]);
  await stranger.get('/posts').expect(ROUTE, READ_BY_REPLICA).expect([]);
}

describe('on PostgreSQL, the example', () => {
  let cluster: PostgresCluster;

  beforeAll(async () => {
    cluster = await borrowPostgres({ replicas: 1 });
  });
  afterEach(() => cluster.replicas[0]?.resumeReplay());
  afterAll(() => cluster?.stop());

  it(
    'rest shows a post to its author while replay is paused',
    async () => expectOwnPosts(await open('rest', cluster), cluster),
    START_MS,
  );

  it(
    'graphql shows a book to who has added it while replay is paused',
    async () => {
      const url = await open('graphql', cluster);
      const ask = (client: { post(path: string): request.Test }, query: string) =>
        client.post('/graphql').send({ query });
      const [reader, stranger] = [request.agent(url), request(url)];
      await pause(cluster, () => ask(stranger, '{ allBooks { title } }'));
      await ask(reader, 'mutation { addBook(title: "Emma") { id } }').expect(200);
      const own = await ask(reader, '{ allBooks { title } }').expect(ROUTE, OWN_WRITE);
      expect(own.body).toEqual({ data: { allBooks: [{ title: 'Emma' }] } });
      await ask(stranger, '{ allBooks { title } }').expect({ data: { allBooks: [] } });
    },
    START_MS,
  );

  it(
    'microservice finds what the message is about, on the primary only while replay is paused',
    async () => {
      const url = await open('microservice', cluster);
      const place = () => request(url).post('/orders').send({ item: 'pen' }).expect(201);
      await waitUntil(async () => (await place()).text === 'one pen, read from replica-1');
      await cluster.replicas[0]?.pauseReplay();
      expect((await place()).text).toBe('one pen, read from primary');
    },
    START_MS,
  );

  if (!hasRedis()) console.warn('No redis-server on this machine: the example of BullMQ is left out.');
  (hasRedis() ? describe : describe.skip)('bullmq', () => {
    let redis: RedisServer;

    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis?.stop());

    it(
      'prints the invoice that the job is about while replay is paused',
      async () => {
        const url = await open('bullmq', cluster, { REDIS_URL: `redis://127.0.0.1:${redis.port}` });
        await cluster.replicas[0]?.pauseReplay();
        const { body } = await request(url).post('/invoices').send({ text: 'No. 1' }).expect(201);
        const printed = async () => (await request(url).get(`/invoices/${String(body.job)}`)).body as unknown;
        await waitUntil(async () => ((await printed()) as { printed: unknown }).printed !== null);
        expect(await printed()).toEqual({ printed: 'No. 1, read from primary' });
      },
      START_MS,
    );
  });
});

describeMariadb('on MariaDB, the example', () => {
  let cluster: MariadbCluster;

  beforeAll(async () => {
    cluster = await startMariadbCluster({ replicas: 1 });
  });
  afterAll(() => cluster?.stop());

  it(
    'mariadb shows a post to its author while replay is paused',
    async () => expectOwnPosts(await open('mariadb', cluster), cluster),
    START_MS,
  );
});
