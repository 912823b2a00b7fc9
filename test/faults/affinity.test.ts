import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import request from 'supertest';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { SERVER_PORT, startCluster, TYPE } from '../database.js';

@Controller()
class ReadController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}
  @Get() async port(): Promise<unknown> {
    const [row] = await this.dataSource.query(`SELECT ${SERVER_PORT} AS port`);
    return row;
  }
}

describe('affinity', () => {
  let cluster: PostgresCluster;
  let app: INestApplication;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 3 });
    const module = await Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot({
          type: TYPE,
          primary: { url: cluster.primary.url },
          replicas: cluster.replicas.map(({ url }) => ({ url })),
          monitor: { timeoutMs: 1_000 },
        }),
      ],
      controllers: [ReadController],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.init();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  const portOf = async (client?: string): Promise<number> => {
    const sent = request(app.getHttpServer()).get('/');
    const { body } = client === undefined ? await sent : await sent.set('Authorization', client);
    return (body as { port: number }).port;
  };

  it('keeps a client on its replica, spreads the clients, and moves few of them when a replica goes', async () => {
    const clients = Array.from({ length: 60 }, (_, index) => `Bearer client-${index}`);
    const ports = async (): Promise<readonly number[]> => {
      const answers: number[] = [];
      for (const client of clients) answers.push(await portOf(client));
      return answers;
    };
    const seen = new Set<number>();
    await waitUntil(async () => seen.add(await portOf()).size >= 3 && !seen.has(cluster.primary.port));
    const before = await ports();
    expect(await ports()).toEqual(before);
    const counts = cluster.replicas.map(({ port }) => before.filter((each) => each === port).length);
    process.stdout.write(`[figures] 60 clients with a key, on three replicas: ${counts.join(' / ')}\n`);
    expect(Math.min(...counts)).toBeGreaterThan(8);

    const [gone] = cluster.replicas;
    await gone?.stop();
    const nodes = app.get(ReplicationCluster);
    await waitUntil(() => nodes.nodes[1]?.state === 'unreachable');
    const after = await ports();
    const moved = before.filter((port, index) => port !== after[index]);
    expect(new Set(moved)).toEqual(new Set([gone?.port]));
  });
});
