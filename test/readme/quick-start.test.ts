import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import request from 'supertest';
import { startMariadbCluster, type MariadbCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { describeOn } from '../support/mariadb-server.js';

type Cluster = PostgresCluster | MariadbCluster;

interface Example {
  readonly start: () => Promise<INestApplication>;
  readonly AppModule: Type;
}

const onExpress = ({ start }: Example): Promise<INestApplication> => start();
const onFastify = ({ AppModule }: Example): Promise<INestApplication> =>
  NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });

describeOn('postgres', "the README's first example", () =>
  testExample('postgres', borrowPostgres, onExpress),
);

describeOn('mariadb', "the README's first example on MariaDB", () => {
  describe.each([
    ['mysql', onExpress],
    ['mariadb', onFastify],
  ] as const)('as type %s', (type, start) => testExample(type, startMariadbCluster, start));
});

function testExample(
  type: string,
  startCluster: () => Promise<Cluster>,
  start: (example: Example) => Promise<INestApplication>,
): void {
  let cluster: Cluster;
  let folder: string;
  let app: INestApplication;

  beforeAll(async () => {
    cluster = await startCluster();
    process.env['PRIMARY_URL'] = cluster.primary.url;
    process.env['REPLICA_URL'] = cluster.replicas[0]?.url;
    folder = await mkdtemp(join(import.meta.dirname, '.example-'));
    const file = join(folder, 'example.ts');
    await writeFile(file, (await firstExample()).replace("type: 'postgres'", `type: '${type}'`));
    app = await start((await import(file)) as Example);
    await app.listen(0, '127.0.0.1');
  });

  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows a client its own post, whether or not the replica has it', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const client = request.agent(app.getHttpServer());
    await client.post('/posts').send({ text: 'hello' }).expect(201);
    await client.get('/posts').expect(200, [{ id: 1, text: 'hello' }]);
    await request(app.getHttpServer()).get('/posts').expect(200, []);
  });
}

async function firstExample(): Promise<string> {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
  const example = /```ts\n([^]*?)```/.exec(readme)?.[1];
  if (example === undefined) throw new Error('README.md has no example.');
  return example;
}
