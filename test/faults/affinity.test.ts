import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import request from 'supertest';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { SERVER_PORT, startCluster, TYPE } from '../support/database.js';

@Controller()
class ReadController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}
  @Get() async port(): Promise<unknown> {
    const [row] = await this.dataSource.query(`SELECT ${SERVER_PORT} AS port`);
    return row;
  }
}

/** Tries again when a node has changed meanwhile: on a busy machine probes are late, and reads avoid a node in doubt. */
async function whileSteady<T>(cluster: ReplicationCluster, attempt: () => Promise<T>): Promise<T> {
  const states = () => cluster.nodes.map(({ state }) => state).join();
  for (;;) {
    const before = states();
    let hasChanged = false;
    const watch = setInterval(() => (hasChanged ||= states() !== before), 1);
    const outcome = await attempt().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    clearInterval(watch);
    if (hasChanged) continue;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
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
    return Number((body as { port: number | string }).port); // a text, where it is a BIGINT
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
    const nodes = app.get(ReplicationCluster);
    const before = await whileSteady(nodes, async () => {
      const known = await ports();
      expect(await ports()).toEqual(known);
      return known;
    });
    const counts = cluster.replicas.map(({ port }) => before.filter((each) => each === port).length);
    process.stdout.write(`[figures] 60 clients with a key, on three replicas: ${counts.join(' / ')}\n`);
    expect(Math.min(...counts)).toBeGreaterThan(8);

    const [gone] = cluster.replicas;
    await gone?.stop();
    await waitUntil(() => nodes.nodes[1]?.state === 'unreachable');
    await whileSteady(nodes, async () => {
      const after = await ports();
      const moved = before.filter((port, index) => port !== after[index]);
      expect(new Set(moved)).toEqual(new Set([gone?.port]));
    });
  });
});
