import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  ReplicatedModule,
  ReplicationCluster,
  ReplicaWriteError,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import type { DataSource } from 'typeorm';
import request from 'supertest';
import { FaultApp } from '../faults/fault-app.js';
import { borrowPostgres } from '../support/borrow-postgres.js';
import { Note } from '../support/note.js';
import { openApp, SILENT, type Site } from '../support/open-app.js';
import { cockroachDriver, SERVER_SQL, type CockroachDriver } from './cockroach-driver.js';

const FOLLOWER_READS = 'default_transaction_use_follower_reads';
const SETTINGS_SQL = `SELECT current_setting('${FOLLOWER_READS}') AS follower_reads,
 current_setting('default_transaction_read_only') AS read_only, pg_is_in_recovery() AS is_replica`;

@Controller('notes')
class NotesController {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @Get() list() {
    return this.dataSource.getRepository(Note).find();
  }
  @Post() add() {
    return this.dataSource.getRepository(Note).save({ text: 'posted' });
  }
  @Get('add') addByGet() {
    return this.dataSource.query(`INSERT INTO note (text) VALUES ('got')`);
  }
  @Get('stream') async countByStream() {
    const rows = await this.dataSource.getRepository(Note).createQueryBuilder('note').stream();
    let count = 0;
    for await (const _row of rows) count += 1;
    return { count };
  }
}

/** TypeORM's driver for CockroachDB, and what stands on it, before PostgreSQL: what of this is CockroachDB's is not run. */
describe('type cockroachdb, before PostgreSQL', () => {
  let cluster: PostgresCluster;
  let app: FaultApp | undefined;
  let lines: string[];
  beforeAll(async () => {
    cluster = await borrowPostgres({ replicas: 2 });
    for (const sql of SERVER_SQL) await cluster.primary.query(sql);
    await cluster.waitForReplication();
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(() => cluster?.stop());

  const optionsWith = (more: object): object => ({
    type: 'cockroachdb',
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ url }) => ({ url })),
    ...more,
  });

  async function start(
    more: Partial<ReplicatedModuleOptions> = {},
    { driver }: CockroachDriver = cockroachDriver(),
  ): Promise<FaultApp> {
    lines = [];
    app = await FaultApp.start(
      {
        ...optionsWith({ driver }),
        ...more,
      } as Parameters<typeof FaultApp.start>[0],
      { ...SILENT, warn: (line: string) => void lines.push(line) },
    );
    return app;
  }

  const inUnit = <T>(
    intent: 'primary' | 'replica',
    work: (dataSource: DataSource) => Promise<T>,
  ): Promise<T> => (app as FaultApp).selector.run({ intent }, () => work((app as FaultApp).dataSource));

  it('says at the start what its nodes do not tell', async () => {
    await start();
    const said = lines.filter((line) => line.includes('tell no positions'));
    expect(said.map((line) => line.split(':')[0]).toSorted()).toEqual([
      '"primary"',
      '"replica-1"',
      '"replica-2"',
    ]);
  });

  it('reads replicas in sessions with follower reads, and the primary in sessions without', async () => {
    await cluster.primary.query(`ALTER ROLE app SET crdb.${FOLLOWER_READS} = 'on'`);
    await cluster.waitForReplication();
    try {
      const { dataSource, selector } = await start();
      const settings = (): Promise<unknown> => dataSource.query(SETTINGS_SQL);
      const of = (follower_reads: string, read_only: string, is_replica: boolean) => [
        { follower_reads, read_only, is_replica },
      ];
      await (app as FaultApp).allServe();
      expect(await selector.run({ intent: 'replica' }, settings)).toEqual(of('on', 'on', true));
      expect(await selector.run({ intent: 'primary' }, settings)).toEqual(of('off', 'off', false));
      await (app as FaultApp).cluster.removeReplica('replica-1');
      await (app as FaultApp).cluster.removeReplica('replica-2');
      expect(await selector.run({ intent: 'replica' }, settings)).toEqual(of('off', 'on', false));
      const [first] = cluster.replicas;
      await (app as FaultApp).cluster.addReplica({ name: 'again', url: first?.url });
      await (app as FaultApp).allServe();
      expect(await selector.run({ intent: 'replica' }, settings)).toEqual(of('on', 'on', true));
    } finally {
      await cluster.primary.query(`ALTER ROLE app RESET crdb.${FOLLOWER_READS}`);
      await cluster.waitForReplication();
    }
  });

  it('uses no session that a pooler has kept settings from', async () => {
    await expect(start({}, cockroachDriver({ passesOptions: false }))).rejects.toThrow(
      /crdb\.default_transaction/,
    );
  });

  it('is asked to begin with the settings, and not for more than a check of each', async () => {
    const made = cockroachDriver();
    await start({}, made);
    await (app as FaultApp).allServe();
    const reading = `-c ${FOLLOWER_READS}=on -c default_transaction_read_only=on`;
    expect(new Set(made.startups)).toEqual(new Set([`-c ${FOLLOWER_READS}=off`, reading]));
  });

  it.each([
    ['INSERT', (dataSource: DataSource) => dataSource.query(`INSERT INTO note (text) VALUES ('x')`)],
    ['SELECT FOR UPDATE', (dataSource: DataSource) => dataSource.query('SELECT * FROM note FOR UPDATE')],
    ['nextval()', (dataSource: DataSource) => dataSource.query(`SELECT nextval('note_id_seq')`)],
    [
      'INSERT',
      (dataSource: DataSource) =>
        dataSource.transaction((manager) => manager.query(`INSERT INTO note (text) VALUES ('x')`)),
    ],
    ['save()', (dataSource: DataSource) => dataSource.getRepository('Note').save({ text: 'x' })],
  ])('refuses %s under replica intent', async (statement, write) => {
    await start();
    await (app as FaultApp).allServe();
    const refused = await inUnit('replica', write).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ReplicaWriteError);
    expect((refused as ReplicaWriteError).statement).toBe(statement);
  });

  it('reads in transactions on a replica, and lets go of one that was changed', async () => {
    await start();
    await (app as FaultApp).allServe();
    const inTransaction = await inUnit('replica', (dataSource) =>
      dataSource.transaction((manager) => manager.query<{ is_replica: boolean }[]>(SETTINGS_SQL)),
    );
    expect(inTransaction).toEqual([expect.objectContaining({ is_replica: true })]);
    await inUnit('replica', (dataSource) => dataSource.query(`SET search_path = 'elsewhere'`));
    expect(await inUnit('replica', (dataSource) => dataSource.query('SHOW search_path'))).not.toEqual([
      { search_path: 'elsewhere' },
    ]);
  });

  /** A unit that writes in its own ways, and the token that its client gets. */
  const tokenOf = (write: (dataSource: DataSource) => Promise<unknown>): Promise<string | undefined> =>
    inUnit('primary', async (dataSource) => {
      await write(dataSource);
      return (app as FaultApp).selector.token();
    });
  const readOn = (token: string | undefined): Promise<{ node: string | undefined; notes: number }> =>
    (app as FaultApp).selector.run({ intent: 'replica', token }, async () => {
      const [row] = await (app as FaultApp).dataSource.query<{ notes: number }[]>(
        'SELECT count(*)::int AS notes FROM note',
      );
      return { node: (app as FaultApp).selector.route?.node, notes: row?.notes ?? 0 };
    });
  const insert = (dataSource: DataSource): Promise<unknown> =>
    dataSource.query(`INSERT INTO note (text) VALUES ('mine')`);

  it('shows clients their own writes, whatever pinMs is: the primary reads until follower reads show them', async () => {
    const AGE_MS = 400;
    for (const replica of cluster.replicas) await replica.setApplyDelay(AGE_MS);
    try {
      await start({ consistency: { pinMs: 1 }, cluster: { endpoint: 'per-connection' } });
      await (app as FaultApp).allServe();
      expect((app as FaultApp).cluster.nodes.map(({ lagMs }) => lagMs)).toEqual([0, AGE_MS, AGE_MS]);
      const [row] = await cluster.primary.query<{ notes: number }>('SELECT count(*)::int AS notes FROM note');
      const writtenAtMs = performance.now();
      const token = await tokenOf(insert);
      const seen: number[] = [];
      await waitUntil(async () => {
        const { node, notes } = await readOn(token);
        seen.push(notes);
        return node !== 'primary';
      });
      const CLOCKS_MS = 500 + 1_000; // of nodes, and of instances
      expect(performance.now() - writtenAtMs).toBeGreaterThan(AGE_MS + CLOCKS_MS);
      expect(new Set(seen)).toEqual(new Set([(row?.notes ?? 0) + 1]));
      expect((await readOn(undefined)).node).not.toBe('primary');
    } finally {
      for (const replica of cluster.replicas) await replica.setApplyDelay(0);
    }
  });

  it('shows them on the primary while it does not say how old follower reads are', async () => {
    await cluster.primary.query('ALTER FUNCTION follower_read_timestamp() RENAME TO hidden');
    await cluster.waitForReplication();
    try {
      await start({ consistency: { pinMs: 1 } });
      expect(lines.filter((line) => line.includes('does not tell how old follower reads are'))).toHaveLength(
        3,
      );
      await (app as FaultApp).allUsable();
      const token = await tokenOf(insert);
      expect([(await readOn(token)).node, (await readOn(undefined)).node]).toEqual([
        'primary',
        expect.stringMatching(/^replica/),
      ]);
    } finally {
      await cluster.primary.query('ALTER FUNCTION hidden() RENAME TO follower_read_timestamp');
      await cluster.waitForReplication();
    }
  });

  it('gives no token for what only reads', async () => {
    await start();
    const reads = (dataSource: DataSource) => dataSource.getRepository('Note').find();
    expect(await tokenOf(reads)).toBeUndefined();
    expect(await tokenOf((dataSource) => dataSource.transaction(() => reads(dataSource)))).toBeUndefined();
  });

  it("leaves a transaction that is to be begun again to TypeORM's runner", async () => {
    await cluster.primary.query('CREATE SEQUENCE attempts');
    await cluster.primary
      .query(`CREATE FUNCTION meet_another() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      IF nextval('attempts') = 1 THEN RAISE EXCEPTION 'restart transaction' USING ERRCODE = '40001'; END IF;
      RETURN 1; END $$`);
    await start();
    const token = await tokenOf((dataSource) =>
      dataSource.transaction(async (manager) => {
        await manager.query(`INSERT INTO note (text) VALUES ('once')`);
        await manager.query('SELECT meet_another()');
      }),
    );
    expect(token).toEqual(expect.any(String));
    expect(
      await cluster.primary.query(`SELECT count(*)::int AS notes FROM note WHERE text = 'once'`),
    ).toEqual([{ notes: 1 }]);
    expect((app as FaultApp).cluster.stats().retries).toEqual({});
  });

  describe.each(['reject', 'promote'] as const)("over HTTP, with onReplicaWrite '%s'", (onReplicaWrite) => {
    let site: Site | undefined;
    afterEach(() => site?.close());

    it('routes by method, and guards what only reads', async () => {
      const options = optionsWith({
        ...cockroachDriver(),
        entities: [Note],
        routing: { onReplicaWrite, explainHeader: true },
        consistency: { cookie: { secure: false } },
      }) as ReplicatedModuleOptions;
      site = await openApp({ imports: [ReplicatedModule.forRoot(options)], controllers: [NotesController] });
      const { app: served, url } = site;
      const replicated = served.get(ReplicationCluster);
      await waitUntil(() => replicated.nodes.every(({ state }) => state === 'usable'));
      const routeOf = async (asked: request.Test): Promise<string> =>
        String((await asked).headers['replication-route']);
      const ofReplica = expect.stringMatching(/^replica-\d; reason=read-method$/);
      expect(await routeOf(request(url).get('/notes').expect(200))).toEqual(ofReplica);
      expect(await routeOf(request(url).get('/notes/stream').expect(200))).toEqual(ofReplica);
      const posted = await request(url).post('/notes').expect(201);
      expect(posted.headers['replication-route']).toMatch(/^primary/);
      const cookie = posted.headers['set-cookie'] as unknown as string[];
      const reread = await request(url).get('/notes').set('Cookie', cookie).expect(200);
      expect(reread.headers['replication-route']).toBe('primary; reason=client-wrote-recently');
      expect(reread.body).toContainEqual(posted.body);
      await request(url)
        .get('/notes/add')
        .expect(onReplicaWrite === 'reject' ? 500 : 200);
    });
  });

  it('goes on when a replica is killed', async () => {
    const running = await start();
    await running.allServe();
    const [victim] = cluster.replicas;
    const answers: Promise<unknown>[] = [];
    const reading = setInterval(() => answers.push(running.read()), 10);
    try {
      await victim?.kill();
      await running.timeUntil('replica-1', 'unreachable');
      await victim?.start();
      await running.timeUntil('replica-1', 'usable');
    } finally {
      clearInterval(reading);
    }
    await expect(Promise.all(answers)).resolves.toHaveLength(answers.length);
    await running.allServe();
  });

  it('fails writes while the primary is away, and goes on with them', async () => {
    const running = await start();
    await running.allServe();
    await cluster.primary.stop('immediate');
    try {
      await running.timeUntil('primary', 'unreachable');
      await expect(running.write()).rejects.toMatchObject({ code: 'ERR_REPLICATED_PRIMARY_UNAVAILABLE' });
      expect(await running.readOn()).toMatch(/^replica/);
    } finally {
      await cluster.primary.start();
    }
    await running.timeUntil('primary', 'usable');
    await running.write();
  });
});
