import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectReplicatedRepository, ReplicatedModule, type ReplicatedRepository } from 'nestjs-replicated';
import { recordRoutes, type PostgresCluster, type RouteRecord } from 'nestjs-replicated/testing';
import { Note } from '../support/note.js';
import { optionsFor, PLATFORMS, openApp, startSeededCluster, type Site } from '../support/open-app.js';

@Controller('notes')
class NotesController {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @Get() list() {
    return this.notes.find({ take: 1 });
  }
  @Get('both') async both() {
    return [await this.notes.count(), await this.notes.primary.count()];
  }
  @Post() create() {
    return this.notes.save({ text: 'created' });
  }
  @Get('none') none() {
    return [];
  }
}

describe('recordRoutes', () => {
  let nodes: PostgresCluster;
  beforeAll(async () => {
    nodes = await startSeededCluster();
  });
  afterAll(() => nodes.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    let routes: RouteRecord;
    const ask = async (path = '', method = 'GET') =>
      void (await fetch(`${site.url}/notes${path}`, { method }));
    beforeAll(async () => {
      const imports = [ReplicatedModule.forRoot(optionsFor(nodes)), ReplicatedModule.forFeature([Note])];
      site = await openApp({ createAdapter, imports, controllers: [NotesController] });
    });
    afterAll(() => site?.app.close());
    beforeEach(() => void (routes = recordRoutes(site.app)));
    afterEach(() => routes.stop());

    it('has every query with its request, its handler and its route', async () => {
      await ask('?take=1');
      expect(routes.routes).toEqual([
        {
          request: 'GET /notes',
          handler: 'NotesController.list',
          role: 'replica',
          node: 'replica-1',
          reason: 'read-method',
        },
      ]);
      expect(routes.of('NotesController.list')).toEqual(routes.of('GET /notes'));
    });

    it('asserts where a request, or a handler, has read', async () => {
      await Promise.all([ask(), ask('', 'POST')]);
      routes.assertUsed('GET /notes', 'replica');
      routes.assertUsed('NotesController.create', 'primary');
      expect(() => routes.assertUsed('GET /notes', 'primary')).toThrow(
        'GET /notes was to use a primary for every query. Recorded: GET /notes: replica (read-method).',
      );
    });

    it('says so when only some queries, or none, were as asserted', async () => {
      await ask('/both');
      await ask('/none');
      expect(() => routes.assertUsed('GET /notes/both', 'replica')).toThrow(/primary \(explicit\)/);
      expect(() => routes.assertUsed('GET /notes/none', 'replica')).toThrow(
        'GET /notes/none was to use a replica for every query. Recorded: no query of it; but of GET /notes/both.',
      );
    });

    it('has lines for snapshots: each once, sorted, without the names of servers', async () => {
      await Promise.all([ask('', 'POST'), ask(), ask(), ask('/both')]);
      expect(routes.lines()).toEqual([
        'GET /notes/both: primary (explicit)',
        'GET /notes/both: replica (read-method)',
        'GET /notes: replica (read-method)',
        'POST /notes: primary (write-method)',
      ]);
    });

    it('forgets, and ends, when it is told to', async () => {
      await ask();
      routes.clear();
      expect(routes.routes).toEqual([]);
      routes.stop();
      await ask();
      expect(routes.routes).toEqual([]);
    });
  });
});
