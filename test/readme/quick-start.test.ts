import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import request from 'supertest';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';

describe("the README's first example", () => {
  let cluster: PostgresCluster;
  let folder: string;
  let app: INestApplication;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    process.env['PRIMARY_URL'] = cluster.primary.url;
    process.env['REPLICA_URL'] = cluster.replicas[0]?.url;
    folder = await mkdtemp(join(import.meta.dirname, '.example-'));
    const file = join(folder, 'example.ts');
    await writeFile(file, await firstExample());
    const { start } = (await import(file)) as { start: () => Promise<INestApplication> };
    app = await start();
    await app.init();
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
});

async function firstExample(): Promise<string> {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
  const example = /```ts\n([^]*?)```/.exec(readme)?.[1];
  if (example === undefined) throw new Error('README.md has no example.');
  return example;
}
