import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startTcpBalancer,
  waitUntil,
  type PostgresCluster,
  type TcpBalancer,
} from 'nestjs-replicated/testing';
import { isPostgres, SLEEP, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import {
  createNotes,
  Notebook,
  readNotes,
  type NotebookOptions,
  type Platform,
  type Work,
} from './notebook.js';
import { hasPgBouncer, startPgBouncer, type PgBouncer } from './pg-bouncer.js';

describe.each<Platform>(['express', 'fastify'])('an address that hides several servers (%s)', (platform) => {
  let postgres: PostgresCluster;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 2 });
    await createNotes(postgres);
  });
  afterEach(async () => {
    await Promise.all(postgres.replicas.map((replica) => replica.resumeReplay()));
    for (const close of closing.splice(0).toReversed()) await close();
  });
  afterAll(() => postgres?.stop());

  async function open(replicaUrl: string, options: NotebookOptions['options'] = {}) {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const replicas = [{ name: 'reader', url: replicaUrl }];
    const logger = { log, warn: log, error: log };
    const notebook = await Notebook.open({ postgres, platform, logger, options: { replicas, ...options } });
    closing.push(() => notebook.close());
    return { notebook, said: () => lines.filter((line) => line.includes('behind its address')) };
  }

  /** Writes and reads, with the second standby's replay paused: how often the read shows the write, and where. */
  async function readAfterWrites(notebook: Notebook, count: number): Promise<Record<string, number>> {
    const seen: Record<string, number> = {};
    for (let round = 0; round < count; round++) {
      const visitor = notebook.visitor();
      const text = `round ${round} ${Math.random()}`;
      const written = await visitor.post(({ db }) => db.getRepository(Note).insert({ text }));
      expect([written.status, written.tokens.length]).toEqual([200, 1]);
      if (round % 2 === 0) await postgres.waitForReplication();
      const [role = ''] = (await shows(visitor.get(readNotes), text)).split('; ');
      seen[role] = (seen[role] ?? 0) + 1;
      // Others keep the connections busy, so that not always the same one serves.
      await Promise.all(Array.from({ length: 4 }, () => notebook.visitor().get(slowRead)));
    }
    return seen;
  }

  async function shows(
    read: ReturnType<ReturnType<Notebook['visitor']>['get']>,
    text: string,
  ): Promise<string> {
    const { route, body } = await read;
    if (!JSON.stringify(body).includes(text))
      throw new Error(`stale read on ${route}: ${JSON.stringify(body).slice(0, 200)}`);
    return route?.split(', ').at(-1) ?? ''; // where the answer came from
  }

  describe('per connection (a TCP balancer)', () => {
    let balancer: TcpBalancer;
    // A new one each time, so that the monitor's connection is to the standby that replays.
    beforeEach(async () => {
      const started = await startTcpBalancer(postgres.replicas);
      balancer = started;
      closing.push(() => started.close());
    });

    it('is found out, said once, and every connection proves its position before it reads', async () => {
      await postgres.replicas[1]?.pauseReplay();
      const { notebook, said } = await open(balancer.through(postgres.replicas[0]?.url ?? ''));
      const seen = await readAfterWrites(notebook, 14);
      console.log(`per connection, one of two standbys paused: ${JSON.stringify(seen)}`);
      expect(said()).toHaveLength(1);
      expect(said()[0]).toMatch(/^"reader": Several servers.*one per connection/);
      expect(Object.keys(seen).toSorted()).toEqual(['primary', 'reader']);
    });

    it('shows stale data when the options call it one server: the test can see the difference', async () => {
      await postgres.replicas[1]?.pauseReplay();
      const { notebook, said } = await open(balancer.through(postgres.replicas[0]?.url ?? ''), {
        cluster: { endpoint: 'server' },
      });
      await expect(readAfterWrites(notebook, 20)).rejects.toThrow('stale read on reader');
      expect(said()).toEqual([]);
    });

    it('that is out of order takes no read from the others, which may have its token soon', async () => {
      const url = postgres.replicas[0]?.url ?? '';
      const { notebook } = await open(url, {
        replicas: [
          { name: 'direct', url },
          { name: 'hidden', url: balancer.through(url), endpoint: 'per-connection' },
        ],
        consistency: { maxWaitMs: 10_000 },
      });
      await balancer.close();
      const stateOf = (wanted: string) => notebook.cluster.nodes.find(({ name }) => name === wanted)?.state;
      await waitUntil(() => stateOf('hidden') === 'unreachable');
      await postgres.replicas[0]?.pauseReplay();
      const visitor = notebook.visitor();
      await visitor.post(({ db }) => db.getRepository(Note).insert({ text: 'awaited' }));
      const reading = shows(visitor.get(readNotes), 'awaited');
      await postgres.replicas[0]?.resumeReplay();
      expect(await reading).toBe('direct; reason=read-method');
    });

    it('cannot say when all have replayed', async () => {
      const { notebook } = await open(balancer.through(postgres.replicas[0]?.url ?? ''), {
        cluster: { endpoint: 'per-connection' },
      });
      const { selector, cluster, db } = notebook;
      const token = await selector.run({ intent: 'primary' }, async () => {
        await db.getRepository(Note).insert({ text: 'a' });
        return selector.token();
      });
      await expect(cluster.whenReplayed(token)).rejects.toMatchObject({ code: 'ERR_REPLICATED_USAGE' });
    });
  });

  (isPostgres ? describe : describe.skip)('per transaction (PgBouncer)', () => {
    let bouncer: PgBouncer | undefined;
    let balancer: TcpBalancer;
    beforeAll(async () => {
      balancer = await startTcpBalancer(postgres.replicas);
      const [first] = postgres.replicas;
      if (!hasPgBouncer) console.log('PgBouncer is not installed: its tests pass without testing anything.');
      else if (first)
        bouncer = await startPgBouncer({
          app: [balancer as never],
          one: [first],
          writer: [postgres.primary],
        });
    });
    afterAll(async () => {
      await bouncer?.stop();
      await balancer?.close();
    });

    it('is found out, said once, and a client that wrote reads the primary', async () => {
      if (!bouncer) return;
      await postgres.replicas[1]?.pauseReplay();
      const { notebook, said } = await open(bouncer.url('app'));
      expect(await readAfterWrites(notebook, 8)).toEqual({ primary: 8 });
      expect((await notebook.visitor().get(readNotes)).route).toBe('reader; reason=read-method');
      expect(said()).toHaveLength(1);
      expect(said()[0]).toMatch(/^"reader": A pooler.*endpoint: 'server'/);
    });

    it('serves its clients from the replica when there is one server only and the options say so', async () => {
      if (!bouncer) return;
      const { notebook } = await open(bouncer.url('one'), { cluster: { endpoint: 'server' } });
      const visitor = notebook.visitor();
      await visitor.post(({ db }) => db.getRepository(Note).insert({ text: 'one' }));
      await postgres.waitForReplication();
      // A busy machine may answer an ask too late: then that read is the primary's.
      await waitUntil(async () => (await visitor.get(readNotes)).route === 'reader; reason=read-method');
    });

    it.each<[string, string, object]>([
      ['a standby is read-only by itself', 'one', {}],
      [
        'READ ONLY transactions keep a writable server from being written',
        'one',
        { cluster: { readOnly: 'transaction' } },
      ],
    ])('refuses writes of reads: %s', async (_what, database, options) => {
      if (!bouncer) return;
      const { notebook } = await open(bouncer.url(database), options);
      const answer = await notebook
        .visitor()
        .get(({ db }) =>
          db.query(`INSERT INTO note (text) VALUES ('no')`).catch((error: { code: string }) => error.code),
        );
      expect(answer.body).toBe('ERR_REPLICATED_REPLICA_WRITE');
      expect((await notebook.visitor().get(readNotes)).route).toBe('reader; reason=read-method');
    });

    it('keeps reads of a primary behind it from writing', async () => {
      if (!bouncer) return;
      await Promise.all(postgres.replicas.map((replica) => replica.pauseReplay()));
      const { notebook } = await open(bouncer.url('one'), { primary: { url: bouncer.url('writer') } });
      const visitor = notebook.visitor();
      await visitor.post(({ db }) => db.transaction((manager) => manager.insert(Note, { text: 'through' })));
      const work: Work = async ({ db }) => {
        const notes = await db.getRepository(Note).find();
        const both = await Promise.all([
          db.getRepository(Note).count(),
          db.transaction((manager) => manager.count(Note)),
        ]);
        const refused = await db
          .query(`INSERT INTO note (text) VALUES ('no')`)
          .catch((error: { code: string }) => error.code);
        return [notes.at(-1)?.text, both[0] === both[1], refused];
      };
      const read = await visitor.get(work);
      expect(read.route).toMatch(/^primary; reason=/);
      expect(read.body).toEqual(['through', true, 'ERR_REPLICATED_REPLICA_WRITE']);
    });
  });
});

const slowRead: Work = ({ db }) => db.query(`SELECT ${SLEEP}(0.005)`).then(() => 'slow');
