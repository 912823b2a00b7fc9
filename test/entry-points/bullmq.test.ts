import { BullModule, getQueueToken, InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { type Job, type Queue, QueueEvents } from 'bullmq';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectConnectionSelector,
  ReplicatedModule,
  UseSlave,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { Note } from '../support/note.js';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import { Reader, type Sight } from './reader.js';
import { hasRedis, startRedis, type RedisServer } from './redis-server.js';

type Work = Job<{ token?: string }, Sight & { token?: string | undefined }>;

@Processor('plain')
class PlainProcessor extends WorkerHost {
  constructor(private readonly reader: Reader) {
    super();
  }

  process(_job: Work) {
    return this.reader.look();
  }
}

@Processor('reports')
class ReportsProcessor extends WorkerHost {
  constructor(private readonly reader: Reader) {
    super();
  }

  @UseSlave({ token: (job: Work) => job.data.token })
  process(_job: Work) {
    return this.reader.look();
  }
}

@Processor('writes')
class WritesProcessor extends WorkerHost {
  constructor(
    private readonly reader: Reader,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {
    super();
  }

  @ChangesDatabase()
  async process(_job: Work) {
    await this.reader.write('by job');
    return { ...(await this.reader.look()), token: await this.selector.token() };
  }
}

@Controller()
class OrdersController {
  constructor(
    private readonly reader: Reader,
    private readonly selector: ConnectionSelector,
    @InjectQueue('reports') private readonly reports: Queue,
    @InjectQueue('plain') private readonly plain: Queue,
  ) {}

  @Post('order')
  async order() {
    await this.reader.write('order');
    const { id } = await this.reports.add('report', { token: await this.selector.token() });
    return { id, ...(await this.reader.look()) };
  }

  @Get('plain')
  async enqueuePlain() {
    const { id } = await this.plain.add('plain', {});
    return { id };
  }
}

if (!hasRedis())
  console.warn('No redis-server on this machine (apt-get install redis-server): BullMQ is not tested.');

(hasRedis() ? describe : describe.skip)('a BullMQ processor', () => {
  let cluster: PostgresCluster;
  let redis: RedisServer;
  let site: Site;
  const events = new Map<string, QueueEvents>();

  beforeAll(async () => {
    [cluster, redis] = await Promise.all([startSeededCluster(), startRedis()]);
    const connection = { host: '127.0.0.1', port: redis.port };
    const names = ['plain', 'reports', 'writes'];
    site = await openApp({
      imports: [
        ReplicatedModule.forRoot(optionsFor(cluster)),
        ReplicatedModule.forFeature([Note]),
        BullModule.forRoot({ connection }),
        BullModule.registerQueue(...names.map((name) => ({ name }))),
      ],
      providers: [Reader, PlainProcessor, ReportsProcessor, WritesProcessor],
      controllers: [OrdersController],
    });
    for (const name of names) {
      const queueEvents = new QueueEvents(name, { connection });
      await queueEvents.waitUntilReady();
      events.set(name, queueEvents);
    }
  });
  afterAll(async () => {
    for (const queueEvents of events.values()) await queueEvents.close();
    await site?.app.close();
    await redis?.stop();
    await cluster?.stop();
  });
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  });

  async function resultOf(name: string, job: Work): Promise<Sight & { token?: string }> {
    const queueEvents = events.get(name);
    if (!queueEvents) throw new Error(`No queue ${name}.`);
    return (await job.waitUntilFinished(queueEvents)) as Sight & { token?: string };
  }

  const queue = (name: string) => site.app.get<Queue>(getQueueToken(name));
  const work = async (name: string, data = {}) => resultOf(name, (await queue(name).add(name, data)) as Work);

  it('uses the primary', async () => {
    expect((await work('plain')).server).toBe('primary');
  });

  it('uses the primary, also when a request that reads has enqueued the job', async () => {
    const { id } = (await (await fetch(`${site.url}/plain`)).json()) as { id: string };
    const job = (await queue('plain').getJob(id)) as Work;
    expect((await resultOf('plain', job)).server).toBe('primary');
  });

  it('reads a replica under @UseSlave()', async () => {
    expect((await work('reports')).server).toBe('replica');
  });

  it('reads what the request that enqueued it wrote, by the token in its data', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const order = (await (await fetch(`${site.url}/order`, { method: 'POST' })).json()) as Sight & {
      id: string;
    };
    const job = (await queue('reports').getJob(order.id)) as Work;
    expect(await resultOf('reports', job)).toMatchObject({ server: 'primary', notes: order.notes });
    expect(await work('reports')).toMatchObject({ server: 'replica', notes: order.notes - 1 });
  });

  it('hands a token for its own write to the next job', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { notes, token } = await work('writes');
    expect(await work('reports', { token })).toMatchObject({ notes });
  });
});
