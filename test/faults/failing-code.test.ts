import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Balancer, ReplicatedModuleOptions, Route } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { startCluster } from '../support/database.js';
import { createNotes, Notebook, readNotes, writeNote, type Answer } from '../consistency/notebook.js';

const READS = 60;

/** What fails at once, and what fails later: an `async` function, whose rejection would end the process. */
const FAILURES: readonly [string, () => never][] = [
  [
    'throws',
    () => {
      throw new Error('not today');
    },
  ],
  ['rejects', (async () => Promise.reject(new Error('not today'))) as unknown as () => never],
];

describe('what the application hands over, and what fails', () => {
  let postgres: PostgresCluster;
  let notebook: Notebook | undefined;
  let lines: string[];
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);

  beforeAll(async () => {
    process.on('unhandledRejection', note);
    postgres = await startCluster({ replicas: 2 });
    await createNotes(postgres);
  });
  afterAll(async () => {
    process.off('unhandledRejection', note);
    await postgres?.stop();
  });
  beforeEach(() => {
    lines = [];
  });
  afterEach(async () => {
    await notebook?.close();
    expect(unhandled).toEqual([]);
  });

  const open = async (options: Partial<ReplicatedModuleOptions> = {}): Promise<Notebook> => {
    const log = (line: unknown): void => void lines.push(String(line));
    notebook = await Notebook.open({
      postgres,
      options: { monitor: { intervalMs: 1_000, timeoutMs: 1_000 }, ...options },
      logger: { log, warn: log, error: log },
    });
    const { cluster } = notebook;
    await waitUntil(() => cluster.nodes.every(({ state }) => state === 'usable'));
    return notebook;
  };

  /** Answers to many reads, each of a client without cookies. */
  const readsOf = async (
    desk: Notebook,
    headers: Record<string, string> = {},
  ): Promise<readonly Answer[]> => {
    const answers: Answer[] = [];
    for (let read = 0; read < READS; read++) answers.push(await desk.visitor().get(readNotes, { headers }));
    return answers;
  };
  const statusesOf = (answers: readonly Answer[]) => new Set(answers.map(({ status }) => status));
  const nodesOf = (answers: readonly Answer[]) => new Set(answers.map(({ route }) => route?.split(';')[0]));
  const linesOf = (what: string) => lines.filter((line) => line.includes(what));

  it.each(FAILURES)(
    'a listener of routes that %s costs no query anything, and is logged once',
    async (_what, fail) => {
      const desk = await open();
      const routes: Route[] = [];
      desk.cluster.onRoute(fail);
      desk.cluster.onRoute((route) => routes.push(route));
      expect(statusesOf(await readsOf(desk))).toEqual(new Set([200]));
      expect((await desk.visitor().post(writeNote)).status).toBe(200);
      const inTransaction = await desk
        .visitor()
        .post(({ db }) => db.transaction((manager) => manager.query('SELECT 1 AS one')));
      expect(inTransaction.body).toEqual([{ one: 1 }]);
      expect(routes.length).toBeGreaterThanOrEqual(READS + 2);
      expect(linesOf('listener')).toEqual(['A listener of onRoute has failed: not today']);
    },
  );

  it.each(FAILURES)('a listener of events that %s is logged', async (_what, fail) => {
    const desk = await open();
    desk.cluster.on('replicaRemoved', fail);
    await desk.cluster.removeReplica('replica-2');
    await waitUntil(() => linesOf('listener').length > 0);
    expect(linesOf('listener')).toEqual(['A listener of replicaRemoved has failed: not today']);
  });

  it.each(FAILURES)(
    'an affinity that %s leaves clients without a replica of their own',
    async (_what, fail) => {
      const desk = await open({ consistency: { affinity: fail } });
      const answers = await readsOf(desk, { authorization: 'Bearer one' });
      expect(statusesOf(answers)).toEqual(new Set([200]));
      expect(nodesOf(answers)).toEqual(new Set(['replica-1', 'replica-2']));
      expect(linesOf('affinity')).toEqual([
        expect.stringMatching(
          /^consistency\.affinity has failed, so that clients do not keep their replica: /,
        ),
      ]);
    },
  );

  it.each<[string, Balancer['pick']]>([
    ...FAILURES,
    ['answers nothing', () => undefined as never],
    ['answers a copy', ([first]) => ({ ...first })],
    ['empties its list', (candidates) => (candidates as unknown as never[]).splice(0)[0] ?? ({} as never)],
  ])('a balancer that %s lets chance decide', async (what, pick) => {
    const desk = await open({ routing: { balancing: { pick } } });
    const answers = await readsOf(desk);
    expect(statusesOf(answers)).toEqual(new Set([200]));
    expect(desk.cluster.nodes).toHaveLength(3);
    if (what === 'empties its list') return expect(linesOf('balancing')).toEqual([]);
    expect(nodesOf(answers)).toEqual(new Set(['replica-1', 'replica-2']));
    expect(linesOf('balancing')).toEqual([
      expect.stringMatching(/^routing\.balancing has failed, so that any replica reads, by weight: /),
    ]);
  });
});
