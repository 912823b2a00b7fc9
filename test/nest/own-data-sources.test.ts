import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Headers, Injectable, Post, type OnApplicationShutdown } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import {
  createReplicatedDataSource,
  ReplicatedInterceptor,
  ReplicatedRepository,
  type ReplicatedDataSource,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { TYPE, isPostgres, sqlOf } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { optionsFor, PLATFORMS, openApp, startSeededCluster, type Site } from '../support/open-app.js';

const clusters: Record<string, PostgresCluster> = {};
beforeAll(async () => {
  const [a, b] = await Promise.all([startSeededCluster(), startSeededCluster()]);
  Object.assign(clusters, { a, b });
});
afterAll(() => Promise.all(Object.values(clusters).map((cluster) => cluster.stop())));
afterEach(async () => {
  for (const cluster of Object.values(clusters)) {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  }
});

const OPEN_SESSIONS = sqlOf({
  postgres: `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'a script'`,
  mariadb: `SELECT count(*) + 0e0 AS n FROM information_schema.processlist WHERE user = 'app'`,
});

describe('createReplicatedDataSource in a script', () => {
  it('routes by blocks, tells its state, and hands tokens on', async () => {
    const { a } = clusters as { a: PostgresCluster };
    const database = createReplicatedDataSource(optionsFor(a));
    expect(await database.initialize()).toBe(database);
    try {
      const { selector, cluster } = database;
      const notes = new ReplicatedRepository(Note, database.manager);
      expect(await serverOf(notes)).toBe('primary');
      expect(await serverOf(notes.replica)).toBe('replica');
      expect(await selector.run({ intent: 'replica' }, () => serverOf(database.getRepository(Note)))).toBe(
        'replica',
      );
      expect(cluster.nodes.map(({ name, state }) => [name, state])).toEqual([
        ['primary', 'usable'],
        ['replica-1', 'usable'],
      ]);
      await a.replicas[0]?.pauseReplay();
      const token = await selector.run({ intent: 'primary' }, async () => {
        await notes.save({ text: 'by a script' });
        return selector.token();
      });
      const reading = () => notes.countBy({ text: 'by a script' });
      expect(await selector.run({ intent: 'replica' }, reading)).toBe(0);
      expect(await selector.run({ intent: 'replica', token }, reading)).toBe(1);
    } finally {
      await database.destroy();
    }
  });

  it('can be closed and opened again, and leaves no connection', async () => {
    const { a } = clusters as { a: PostgresCluster };
    const database = createReplicatedDataSource(
      optionsFor(a, (isPostgres ? { applicationName: 'a script' } : {}) as never),
    );
    for (let round = 0; round < 2; round += 1) {
      await database.initialize();
      expect(await serverOf(new ReplicatedRepository(Note, database.manager).replica)).toBe('replica');
      await database.destroy();
      for (const node of [a.primary, ...a.replicas]) {
        await waitUntil(async () => {
          return (await node.query(OPEN_SESSIONS))[0]?.['n'] === 0;
        });
      }
    }
  });

  it('is refused while another one of its name is open, which is not disturbed', async () => {
    const { a, b } = clusters as { a: PostgresCluster; b: PostgresCluster };
    const first = createReplicatedDataSource(optionsFor(a));
    const second = createReplicatedDataSource(optionsFor(b));
    await first.initialize();
    try {
      await expect(second.initialize()).rejects.toMatchObject({
        code: 'ERR_REPLICATED_USAGE',
        message: expect.stringContaining('"default" is open already'),
      });
      await second.destroy().catch(() => undefined);
      expect(await serverOf(new ReplicatedRepository(Note, first.manager).replica)).toBe('replica');
    } finally {
      await first.destroy();
    }
    await second.initialize();
    await second.destroy();
  });

  it('refuses wrong options before anything is connected', () => {
    expect(() => createReplicatedDataSource({ type: TYPE, replicas: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_REPLICATED_INVALID_OPTIONS' }),
    );
  });
});

/** One DataSource per tenant, made when its first request comes. */
@Injectable()
class Tenants implements OnApplicationShutdown {
  private readonly made = new Map<string, Promise<ReplicatedDataSource>>();

  get(name: string): Promise<ReplicatedDataSource> {
    const known = this.made.get(name);
    if (known) return known;
    const options = { ...optionsFor(clusters[name] as PostgresCluster), name };
    const making = createReplicatedDataSource(options).initialize();
    this.made.set(name, making);
    making.catch(() => this.made.delete(name));
    return making;
  }

  async notesOf(name: string): Promise<ReplicatedRepository<Note>> {
    return new ReplicatedRepository(Note, (await this.get(name)).manager);
  }

  get count(): number {
    return this.made.size;
  }

  async onApplicationShutdown(): Promise<void> {
    for (const making of this.made.values()) await (await making).destroy();
  }
}

@Controller('notes')
class NotesController {
  constructor(private readonly tenants: Tenants) {}

  @Get()
  async look(@Headers('tenant') tenant: string) {
    const notes = await this.tenants.notesOf(tenant);
    return { server: await serverOf(notes), notes: await notes.count() };
  }

  @Get('both')
  async both() {
    const [a, b] = await Promise.all([this.tenants.notesOf('a'), this.tenants.notesOf('b')]);
    return [await serverOf(a), await serverOf(b)];
  }

  @Post()
  async create(@Headers('tenant') tenant: string) {
    const notes = await this.tenants.notesOf(tenant);
    await notes.save({ text: 'created' });
    return { server: await serverOf(notes), notes: await notes.count() };
  }
}

describe.each(PLATFORMS)(
  'tenants whose DataSources are made on demand, on $platform',
  ({ createAdapter }) => {
    let site: Site;
    beforeAll(async () => {
      site = await openApp({
        createAdapter,
        controllers: [NotesController],
        providers: [Tenants, { provide: APP_INTERCEPTOR, useClass: ReplicatedInterceptor }],
      });
    });
    afterAll(() => site?.app.close());

    const look = async (client: ReturnType<typeof request.agent>, tenant: string) =>
      JSON.parse((await client.get('/notes').set('tenant', tenant)).text) as {
        server: string;
        notes: number;
      };

    it('each reads its own replica, and its clients see what they have written', async () => {
      const client = request.agent(site.url);
      expect(site.app.get(Tenants).count).toBe(0);
      const before = [await look(client, 'a'), await look(client, 'b')];
      expect(before.map(({ server }) => server)).toEqual(['replica', 'replica']);
      expect(site.app.get(Tenants).count).toBe(2);
      for (const { replicas } of Object.values(clusters)) await replicas[0]?.pauseReplay();
      const written = await client.post('/notes').set('tenant', 'a');
      expect(written.headers['set-cookie']).toHaveLength(1);
      expect(await look(client, 'a')).toEqual({ server: 'primary', notes: (before[0]?.notes ?? 0) + 1 });
      expect(await look(client, 'b')).toEqual(before[1]);
      expect(await look(request.agent(site.url), 'a')).toEqual(before[0]);
      const both = await client.get('/notes/both');
      expect(both.body).toEqual(['primary', 'replica']);
      expect(both.headers['replication-route']).toBe(
        'primary; reason=behind-token; cluster=a, replica-1; reason=read-method; cluster=b',
      );
    });
  },
);
