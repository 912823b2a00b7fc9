import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { Repository } from 'typeorm';
import { Note, serverOf } from './note.js';
import { PLATFORMS, optionsFor, serve, startSeededCluster, type Site } from './sites.js';

@Controller()
class NotesController {
  private readonly late: Promise<unknown>[] = [];
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Get('read') read() {
    return serverOf(this.notes);
  }
  @Get('write') async write() {
    await this.notes.save({ text: 'written by a GET' });
    return 'written';
  }
  @Post('late') lateWrite() {
    this.late.push(
      new Promise((resolve) => setTimeout(() => resolve(this.notes.save({ text: 'late' })), 20)),
    );
    return 'accepted';
  }
  @Get('settled') async settled() {
    await Promise.all(this.late);
    return 'settled';
  }
}

describe('routing.mode, switched at run time', () => {
  let postgres: PostgresCluster;
  beforeAll(async () => {
    postgres = await startSeededCluster();
  });
  afterAll(() => postgres.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    let cluster: ReplicationCluster;
    const events: unknown[] = [];
    const get = async (path: string) => (await request(site.url).get(path)).text;

    beforeAll(async () => {
      site = await serve({
        createAdapter,
        imports: [ReplicatedModule.forRoot(optionsFor(postgres)), ReplicatedModule.forFeature([Note])],
        controllers: [NotesController],
      });
      cluster = site.app.get(ReplicationCluster);
      for (const name of ['wroteUnderReplicaIntent', 'lateWrite'] as const)
        cluster.on(name, (payload) => void events.push({ name, ...payload }));
    });
    afterAll(() => site?.app.close());
    beforeEach(() => void (events.length = 0));
    afterEach(() => void (cluster.mode = 'route'));

    it('route: reads on a replica, a write of a GET refused', async () => {
      const refused = cluster.stats().refusedWrites;
      expect([cluster.mode, await get('/read')]).toEqual(['route', 'replica']);
      await request(site.url).get('/write').expect(500);
      expect(cluster.stats().refusedWrites).toBe(refused + 1);
    });

    it('primary-only: everything on the primary, nothing refused', async () => {
      cluster.mode = 'primary-only';
      expect([await get('/read'), await get('/write')]).toEqual(['primary', 'written']);
      cluster.mode = 'route';
      expect(await get('/read')).toBe('replica');
    });

    it('observe: everything on the primary, and a report of what would have moved', async () => {
      const before = cluster.stats().wouldUseReplica;
      cluster.mode = 'observe';
      const response = await request(site.url).get('/read');
      expect([response.text, response.get('Replication-Route')]).toEqual([
        'primary',
        'primary; reason=mode-observe',
      ]);
      expect(cluster.stats().wouldUseReplica).toBe(before + 1);
    });

    it('observe: handlers that write under replica intent are reported, once each', async () => {
      cluster.mode = 'observe';
      expect([await get('/write'), await get('/write')]).toEqual(['written', 'written']);
      expect(events).toEqual([
        { name: 'wroteUnderReplicaIntent', handler: 'NotesController.write', what: 'observed' },
      ]);
      expect(cluster.stats().writesUnderReplicaIntent['NotesController.write']).toBeGreaterThanOrEqual(2);
    });

    it('an unknown mode is refused', () => {
      expect(() => (cluster.mode = 'rout' as never)).toThrow(/expected one of route, observe, primary-only/);
    });

    it('a write after the response leaves no token, and is warned about once per handler', async () => {
      for (let attempt = 0; attempt < 2; attempt++) {
        const response = await request(site.url).post('/late').expect(201);
        expect(response.headers['set-cookie']).toBeUndefined();
        await get('/settled');
      }
      expect(events).toEqual([{ name: 'lateWrite', handler: 'NotesController.lateWrite' }]);
    });
  });
});
