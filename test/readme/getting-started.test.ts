import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { snippetsOf } from './snippets.js';

describe('the application of docs/getting-started.md', () => {
  let cluster: PostgresCluster;
  let folder: string;
  let app: INestApplication;

  beforeAll(async () => {
    cluster = await borrowPostgres({ replicas: 1 });
    process.env['PRIMARY_URL'] = cluster.primary.url;
    process.env['REPLICA_URL'] = cluster.replicas[0]?.url;
    folder = await mkdtemp(join(import.meta.dirname, '.example-'));
    const files = snippetsOf('docs/getting-started.md').filter(({ file }) => file !== 'cluster.ts');
    await Promise.all(files.map(({ file = '', code }) => writeFile(join(folder, file), code)));
    const { AppModule } = (await import(join(folder, 'app.module.ts'))) as { AppModule: Type };
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('answers as the page says, with its replica paused', async () => {
    const author = request.agent(app.getHttpServer());
    const stranger = request(app.getHttpServer());
    await waitUntil(async () =>
      /replica/.test((await stranger.get('/posts')).get('Replication-Route') ?? ''),
    );
    await cluster.replicas[0]?.pauseReplay();
    await author
      .post('/posts')
      .send('text=mine')
      .expect(201)
      .expect('Replication-Route', 'primary; reason=write-method');
    const own = await author.get('/posts').expect('Replication-Route', 'primary; reason=behind-token');
    expect(own.body).toEqual([{ id: 1, text: 'mine' }]);
    await stranger.get('/posts').expect('Replication-Route', 'replica-1; reason=read-method').expect([]);
  });
});
