import { createRequire } from 'node:module';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Catch, Controller, Get, Post, type ArgumentsHost, type INestApplication } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicationCluster,
  ReplicaWriteError,
  type ReplicatedModuleOptions,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import { waitUntil } from 'nestjs-replicated/testing';
import request from 'supertest';
import { DataSource, type MigrationInterface, type QueryRunner, type Repository } from 'typeorm';
import { drivers } from '../../src/engines/create-engine.js';
import { resolveOptions } from '../../src/options/resolve-options.js';
import { Note } from '../support/note.js';

/** Shows what was refused. */
@Catch(ReplicaWriteError)
class RefusalFilter {
  catch({ statement }: ReplicaWriteError, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<{ status(code: number): { json(body: unknown): void } }>()
      .status(409)
      .json({ statement });
  }
}

@Controller()
class NotesController {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    @InjectReplicatedRepository(Note) private readonly replicated: ReplicatedRepository<Note>,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  @Get('notes') list() {
    return this.notes.find();
  }
  @ChangesDatabase()
  @Get('fresh')
  listFresh() {
    return this.notes.find();
  }
  @Post('notes') add() {
    return this.notes.save({ text: 'a note' });
  }
  @Get('save') async saveByGet() {
    await this.notes.save({ text: 'written by a GET' });
  }
  @Get('sql') async insertByGet() {
    await this.dataSource.query(`INSERT INTO note (text) VALUES ('written by a GET')`);
  }
  @Get('create') async createByGet() {
    await this.dataSource.query('CREATE TABLE other (id int)');
  }
  @Post('transactions') transact() {
    return this.dataSource.transaction(async (manager) => {
      const { id } = await manager.save(Note, { text: 'first' });
      const seenByOthers = await this.replicated.replica.countBy({ id });
      await manager.transaction((nested) => nested.save(Note, { text: 'second' }));
      return { seenByOthers };
    });
  }
  @Post('undone') async undo() {
    await this.dataSource
      .transaction(async (manager) => {
        await manager.save(Note, { text: 'undone' });
        throw new Error('undo');
      })
      .catch(() => undefined);
  }
  @Post('entangled') entangle() {
    return this.dataSource.transaction(() => this.notes.save({ text: 'outside of the transaction' }));
  }
  @Get('cached') async countCached() {
    return [(await this.notes.findAndCount({ cache: 60_000 }))[1]];
  }
  @Get('transaction') readInTransaction() {
    return this.dataSource.transaction(async (manager) => [
      await manager.count(Note),
      await this.notes.count(),
    ]);
  }
}

class AddShelf implements MigrationInterface {
  readonly name = 'AddShelf1700000000001';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE shelf (id int)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE shelf');
  }
}

/** It has to be compiled where there is no build of it, so it is no dependency of this project: `npm install --no-save better-sqlite3`. */
const DRIVER = 'better-sqlite3';
const hasDriver = (() => {
  try {
    const Driver = createRequire(import.meta.url)(DRIVER) as new (path: string) => { close(): void };
    new Driver(':memory:').close();
    return true;
  } catch {
    process.stderr.write(`SQLite: left out, this machine has no ${DRIVER}\n`);
    return false;
  }
})();

(hasDriver ? describe : describe.skip)('SQLite', () => {
  let folder: string;
  let app: INestApplication | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await rm(folder, { recursive: true });
  });

  function optionsWith(more: object = {}): ReplicatedModuleOptions {
    return {
      type: 'better-sqlite3',
      database: join(folder, 'test.sqlite'),
      entities: [Note],
      synchronize: true,
      primary: {},
      replicas: [{}, { name: 'second' }],
      routing: { explainHeader: true },
      consistency: { cookie: { secure: false, name: 'rw' } },
      ...more,
    };
  }

  async function serve(more?: object) {
    const module = await Test.createTestingModule({
      imports: [ReplicatedModule.forRoot(optionsWith(more)), ReplicatedModule.forFeature([Note])],
      controllers: [NotesController],
    }).compile();
    app = module.createNestApplication({ logger: false });
    app.useGlobalFilters(new RefusalFilter());
    await app.init();
    const cluster = app.get(ReplicationCluster);
    await waitUntil(() => cluster.nodes.every(({ state }) => state === 'usable'));
    return { agent: request.agent(app.getHttpServer()), cluster, dataSource: app.get(DataSource), app };
  }

  it('writes on the primary and reads what was written on a replica', async () => {
    const { agent } = await serve();
    const written = await agent.post('/notes').expect(201);
    expect(written.headers['replication-route']).toMatch(/^primary; reason=write-method/);
    expect(written.headers['set-cookie']).toHaveLength(1);
    const read = await agent.get('/notes').expect(200, [{ id: 1, text: 'a note' }]);
    expect(read.headers['replication-route']).toMatch(/^(replica-1|second); reason=read-method$/);
    const fresh = await agent.get('/fresh').expect(200, [{ id: 1, text: 'a note' }]);
    expect(fresh.headers['replication-route']).toMatch(/^primary; reason=/);
  });

  it.each([
    ['save', 'save()'],
    ['sql', 'INSERT'],
    ['create', 'CREATE TABLE'],
  ])('refuses what a GET writes: %s', async (path, what) => {
    const { agent, cluster } = await serve();
    await agent.get(`/${path}`).expect(409, { statement: what });
    expect(cluster.stats().refusedWrites).toBe(1);
    await agent.get('/notes').expect(200, []);
    expect(cluster.nodes.map(({ state }) => state)).toEqual(['usable', 'usable', 'usable']);
  });

  it('keeps transactions apart, and tells of what they commit', async () => {
    const { agent } = await serve();
    const answers = await Promise.all(Array.from({ length: 5 }, () => agent.post('/transactions')));
    for (const { body, headers } of answers) {
      expect(body).toEqual({ seenByOthers: 0 });
      expect(headers['set-cookie']).toHaveLength(1);
    }
    expect((await agent.get('/notes')).body).toHaveLength(10);
    const undone = await agent.post('/undone').expect(201);
    expect(undone.headers['set-cookie']).toBeUndefined();
    await agent.get('/transaction').expect(200, [10, 10]);
  });

  it('names what waits for the transaction that it is called in', async () => {
    const { agent, dataSource } = await serve({ timeout: 50 });
    await agent.post('/entangled').expect((response) => expect(response.status).toBeGreaterThanOrEqual(500));
    await expect(
      dataSource.transaction(() => dataSource.query(`INSERT INTO note (text) VALUES ('x')`)),
    ).rejects.toThrow("must use the transaction's own manager");
    await agent.post('/notes').expect(201);
  });

  it('closes a session that reads and was changed', async () => {
    const { agent, app: nest, dataSource } = await serve({ replicas: [{ poolSize: 1 }] });
    const selector = nest.get(ConnectionSelector);
    const [row] = await selector.run({ intent: 'replica' }, async () => {
      await dataSource.query('PRAGMA query_only = OFF');
      return dataSource.query<object[]>('PRAGMA query_only');
    });
    expect(row).toEqual({ query_only: 1 });
    await agent.get('/notes').expect(200, []);
  });

  it('starts where writes follow the primary, and closes all that it has opened', async () => {
    const { agent, app: nest } = await serve({ cluster: { failover: 'follow' } });
    await agent.post('/notes').expect(201);
    await agent.get('/notes').expect(200, [{ id: 1, text: 'a note' }]);
    await nest.close();
    app = undefined;
    expect(await readdir(folder)).toEqual(['test.sqlite']); // and no log, which the last connection removes
  });

  it("does TypeORM's own work: schemas, migrations, its result cache", async () => {
    const { agent, dataSource } = await serve({ cache: true, migrations: [AddShelf], migrationsRun: true });
    await agent.post('/notes').expect(201);
    await agent.get('/cached').expect(200, [1]);
    await agent.post('/notes').expect(201);
    await agent.get('/cached').expect(200, [1]);
    await agent.get('/notes').expect((response) => expect(response.body).toHaveLength(2));
    await dataSource.undoLastMigration();
    await dataSource.runMigrations();
    await dataSource.synchronize(true);
    await agent.get('/notes').expect(200, []);
    await agent.post('/notes').expect(201);
  });

  it('moves what a GET writes to the primary, where that is asked for, and takes replicas as they come', async () => {
    const { agent, cluster } = await serve({ replicas: [{}], routing: { onReplicaWrite: 'promote' } });
    await agent.get('/save').expect(200);
    await agent.get('/sql').expect(200);
    expect(cluster.stats()).toMatchObject({ promotedWrites: 2, refusedWrites: 0 });
    await cluster.addReplica({ name: 'added' });
    await waitUntil(() => cluster.nodes.every(({ state }) => state === 'usable'));
    await cluster.removeReplica('replica-1');
    const read = await agent.get('/notes');
    expect(read.body).toHaveLength(2);
    expect(cluster.nodes.map(({ name }) => name)).toEqual(['primary', 'added']);
  });

  it('refuses what a GET writes without replicas, too, where that is asked for', async () => {
    const { agent } = await serve({ replicas: [], routing: { onReplicaWrite: 'reject' } });
    await agent.post('/notes').expect(201);
    await agent.get('/sql').expect(409, { statement: 'INSERT' });
    await agent.get('/notes').expect(200, [{ id: 1, text: 'a note' }]);
  });

  it('opens in memory where there is one database only', async () => {
    const { agent } = await serve({ database: ':memory:', replicas: [] });
    await agent.post('/notes').expect(201);
    await agent.get('/notes').expect(200, [{ id: 1, text: 'a note' }]);
  });

  it.each([
    [{ database: ':memory:' }, 'has a database in memory, which no other connection can read'],
    [{ database: '' }, 'has a database in memory'],
    [{ replicas: [{ database: 'other.sqlite' }] }, "is another file than the primary's"],
    [{ primary: { database: 'own.sqlite' } }, "is another file than the primary's"],
    [{ type: 'sqljs' }, 'only better-sqlite3 has been run with replicas'],
  ])('refuses replicas that could not have what the primary has: %j', (more, message) => {
    expect(() => resolveOptions(optionsWith(more), drivers)).toThrow(message);
  });
});
