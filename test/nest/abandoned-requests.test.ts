import { once } from 'node:events';
import { connect } from 'node:net';
import { Transform } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, StreamableFile } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { ReplicatedModule, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { DataSource } from 'typeorm';
import { COUNT, numbersTo, SESSIONS, SLEEP, sqlOf, startCluster } from '../support/database.js';
import { PLATFORMS, optionsFor, openApp, type Site } from '../support/open-app.js';

const ended: unknown[] = [];

@Controller()
class ReportsController {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @Get('csv') async csv(): Promise<StreamableFile> {
    const rows = await this.dataSource
      .createQueryBuilder()
      .select(`n, repeat('x', 200)`, 'text')
      .from(`(SELECT n FROM ${numbersTo(150_000)})`, 'numbers')
      .stream();
    const toCsv = new Transform({
      writableObjectMode: true,
      transform: (row: object, _encoding, done) => done(null, `${Object.values(row).join(',')}\n`),
    });
    return new StreamableFile(rows.pipe(toCsv));
  }
  /** Goes on with its rows whether its client is there or not. */
  @Get('archive') async archive(): Promise<string> {
    const runner = this.dataSource.createQueryRunner();
    let count = 0;
    try {
      for await (const _ of await runner.stream(`SELECT n, ${SLEEP}(0.01) FROM ${numbersTo(500)}`))
        count += 1;
    } finally {
      await runner.release();
      ended.push(count);
    }
    return 'done';
  }
  @Get('slow') async slow(): Promise<unknown> {
    const told = await this.dataSource.query(`SELECT ${SLEEP}(6)`).then(
      () => 'rows',
      ({ code }: { code: string }) => code,
    );
    ended.push(told);
    const [{ one }] = (await this.dataSource.query('SELECT 1 AS one')) as [{ one: number }];
    return one;
  }
  @Get('quick') quick(): Promise<unknown> {
    return this.dataSource.query('SELECT 1 AS one');
  }
}

let cluster: PostgresCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 1 });
});
afterAll(() => cluster?.stop());

/** How many sessions of the application are busy on the replica. */
async function busy(): Promise<number> {
  const [row] =
    (await cluster.replicas[0]?.control<{ count: number }>(
      `SELECT ${COUNT} FROM ${SESSIONS} WHERE is_active`,
    )) ?? [];
  return row?.count ?? NaN;
}

/** A client that goes away when it has heard the first of the answer, or when `isTime`. */
async function visit({ url }: Site, path: string, isTime?: () => Promise<boolean>): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  if (isTime) await waitUntil(isTime);
  else await once(socket, 'data');
  socket.destroy();
}
const isBusy = async (): Promise<boolean> => (await busy()) > 0;

describe.each(PLATFORMS)('on $platform, a client that goes away', ({ createAdapter }) => {
  const siteWith = (routing: ReplicatedModuleOptions['routing']): Promise<Site> =>
    openApp({
      createAdapter,
      imports: [
        ReplicatedModule.forRoot(
          optionsFor(cluster, { entities: [], routing: { explainHeader: true, ...routing } }),
        ),
      ],
      controllers: [ReportsController],
    });

  describe('by default', () => {
    let site: Site;
    beforeAll(async () => {
      site = await siteWith({});
    });
    afterAll(() => site?.app.close());

    it('ends its stream, and the replica is free again', async () => {
      await Promise.all(Array.from({ length: 12 }, () => visit(site, '/csv')));
      await waitUntil(async () => !(await isBusy()), { timeoutMs: 4_000, message: 'no backend to be busy' });
      const { headers } = await request(site.url).get('/quick').expect(200);
      expect(headers['replication-route']).toMatch(/^replica-1/);
    });

    it('does not end a stream whose reader goes on', async () => {
      ended.length = 0;
      await visit(site, '/archive', isBusy);
      await waitUntil(() => ended.length > 0, { timeoutMs: 15_000 });
      expect(ended).toEqual([500]);
    });

    it('does not end a query', async () => {
      ended.length = 0;
      await visit(site, '/slow', isBusy);
      await waitUntil(() => ended.length > 0, { timeoutMs: 15_000 });
      expect(ended).toEqual(['rows']);
    });
  });

  it('with cancelAbandoned, ends its queries; a handler that goes on may ask again', async () => {
    const site = await siteWith({ cancelAbandoned: true });
    try {
      ended.length = 0;
      await request(site.url).get('/quick').expect(200);
      await visit(site, '/slow', isBusy);
      await waitUntil(async () => !(await isBusy()), { timeoutMs: 2_000, message: 'no backend to be busy' });
      await waitUntil(() => ended.length > 0);
      expect(ended).toEqual([sqlOf({ postgres: '57014', mariadb: 'ER_QUERY_INTERRUPTED' })]);
      await request(site.url).get('/quick').expect(200);
    } finally {
      await site.app.close();
    }
  });
});
