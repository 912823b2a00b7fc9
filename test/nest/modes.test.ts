import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { DataSource, type Repository } from 'typeorm';
import { IS_REPLICA, TRUST_FUNCTIONS, TYPE, isPostgres, sqlOf } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';
import { PLATFORMS, optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

@Controller()
class NotesController {
  private readonly late: Promise<unknown>[] = [];
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  @Get('read') read() {
    return serverOf(this.notes);
  }
  @Get('write') async write() {
    await this.notes.save({ text: 'written by a GET' });
    return 'written';
  }
  @Get('sql/:what') sql(@Param('what') what: keyof typeof TEXTS) {
    return this.dataSource.query(TEXTS[what]);
  }
  @Get('transaction/:what') inTransaction(@Param('what') what: keyof typeof TEXTS) {
    return this.dataSource.transaction((manager) => manager.query(TEXTS[what]));
  }
  @Get('builder/:what') async builder(@Param('what') what: keyof typeof FUNCTIONS) {
    return this.dataSource.createQueryBuilder().select(FUNCTIONS[what], 'n').fromDummy().getRawOne();
  }
  @Get('flagged/:what') async flagged(@Param('what') what: keyof typeof TEXTS) {
    const runner = this.dataSource.createQueryRunner();
    await runner.query(TEXTS[what], [], true).finally(() => runner.release());
    return 'ok';
  }
  @Get('stream/:what') async stream(@Param('what') what: keyof typeof TEXTS) {
    const runner = this.dataSource.createQueryRunner();
    try {
      for await (const row of await runner.stream(TEXTS[what])) void row;
    } finally {
      await runner.release();
    }
    return 'ok';
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

const FUNCTIONS = { writes: 'note_new()', reads: 'note_count()' };
const TEXTS = {
  ping: 'SELECT 1',
  report: 'SELECT count(*) FROM note',
  role: `SELECT ${IS_REPLICA}`,
  explain: `${isPostgres ? 'EXPLAIN ANALYZE' : 'ANALYZE'} SELECT * FROM note`,
  cte: 'WITH n AS (SELECT * FROM note) SELECT * FROM n',
  reads: 'SELECT note_count()',
  writes: 'SELECT note_new()',
  'writes-by-view': 'SELECT * FROM note_view',
  'writes-by-explain': `${isPostgres ? 'EXPLAIN ANALYZE INSERT INTO note (text)' : 'ANALYZE INSERT INTO note (text)'} VALUES ('explained')`,
  insert: "INSERT INTO note (text) VALUES ('by SQL')",
  nextval: sqlOf({ postgres: `SELECT nextval('note_id_seq')`, mariadb: 'SELECT nextval(numbers)' }),
  lock: sqlOf({ postgres: 'SELECT pg_advisory_xact_lock(1)', mariadb: `SELECT get_lock('mine', 0)` }),
};

const FUNCTIONS_SQL = sqlOf({
  postgres: [
    `CREATE FUNCTION note_new() RETURNS int LANGUAGE sql AS $$ INSERT INTO note (text) VALUES ('by a function') RETURNING id $$`,
    // VOLATILE, as functions are when nobody says otherwise.
    'CREATE FUNCTION note_count() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM note $$',
  ],
  mariadb: [
    `CREATE FUNCTION note_new() RETURNS int DETERMINISTIC BEGIN INSERT INTO note (text) VALUES ('by a function'); RETURN LAST_INSERT_ID(); END`,
    'CREATE FUNCTION note_count() RETURNS bigint DETERMINISTIC RETURN (SELECT count(*) FROM note)',
    'CREATE SEQUENCE numbers',
  ],
});

async function createFunctions({ primary }: PostgresCluster): Promise<void> {
  await primary.query(TRUST_FUNCTIONS);
  const dataSource = await new DataSource({ type: TYPE, url: primary.url }).initialize();
  for (const sql of [...FUNCTIONS_SQL, 'CREATE VIEW note_view AS SELECT note_new() AS id'])
    await dataSource.query(sql);
  await dataSource.destroy();
}

describe('routing.mode, switched at run time', () => {
  let postgres: PostgresCluster;
  beforeAll(async () => {
    postgres = await startSeededCluster();
    await createFunctions(postgres);
    await postgres.waitForReplication();
  });
  afterAll(() => postgres.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    let cluster: ReplicationCluster;
    const events: unknown[] = [];
    const get = async (path: string) => (await request(site.url).get(path)).text;

    beforeAll(async () => {
      site = await openApp({
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

    describe.each(['observe', 'primary-only'] as const)('%s', (mode) => {
      beforeEach(() => void (cluster.mode = mode));

      it.each([
        'sql/ping',
        'sql/report',
        'sql/role',
        'sql/explain',
        'sql/cte',
        'sql/reads',
        'transaction/report',
        'transaction/reads',
        'builder/reads',
        'flagged/reads',
        'stream/report',
        'stream/reads',
      ])('changes no response of a handler that only reads (%s), and does not name it', async (path) => {
        const { writesUnderReplicaIntent: before, tokens } = cluster.stats();
        const { headers } = await request(site.url).get(`/${path}`).expect(200);
        expect([headers['set-cookie'], headers['cache-control']]).toEqual([undefined, undefined]);
        expect(events).toEqual([]);
        expect(cluster.stats()).toMatchObject({ writesUnderReplicaIntent: before, tokens });
      });

      it.each([
        'sql/writes',
        ...(isPostgres ? ['sql/writes-by-view'] : []), // MariaDB says nothing of it, and the text has no function
        'sql/writes-by-explain',
        'sql/insert',
        'transaction/writes',
        'transaction/insert',
        'builder/writes',
        'flagged/writes',
        'flagged/insert',
        'stream/writes',
      ])('gives a handler that writes its token (%s)', async (path) => {
        const { captured = 0 } = cluster.stats().tokens;
        const { headers } = await request(site.url).get(`/${path}`).expect(200);
        expect(headers['set-cookie']).toHaveLength(1);
        expect(cluster.stats().tokens['captured']).toBe(captured + 1);
      });
    });

    it.each(['sql', 'transaction', 'builder', 'flagged', 'stream'])(
      'observe: names what writes by %s',
      async (door) => {
        cluster.mode = 'observe';
        const handler = `NotesController.${door === 'transaction' ? 'inTransaction' : door}`;
        const { [handler]: before = 0 } = cluster.stats().writesUnderReplicaIntent;
        await request(site.url).get(`/${door}/writes`).expect(200);
        expect(cluster.stats().writesUnderReplicaIntent[handler]).toBe(before + 1);
      },
    );

    it('observe: tells apart what may have written and leaves no trace', async () => {
      cluster.mode = 'observe';
      await request(site.url).get('/flagged/lock').expect(200);
      await request(site.url).get('/flagged/nextval').expect(200);
      await request(site.url).get('/stream/lock').expect(200);
      await request(site.url).get('/stream/nextval').expect(200);
      expect(events).toEqual([
        { name: 'wroteUnderReplicaIntent', handler: 'NotesController.flagged', what: 'possible' },
        { name: 'wroteUnderReplicaIntent', handler: 'NotesController.stream', what: 'possible' },
      ]);
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
