import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicatedRepository, type ReplicatedModuleOptions, type Route } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { EntityNotFoundError } from 'typeorm';
import { isPostgres, startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

type Notes = ReplicatedRepository<Note>;

describe('.orPrimary', () => {
  let cluster: PostgresCluster;
  let replica: PostgresNode;
  let app: FaultApp;
  const routes: string[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    replica = cluster.replicas[0] as PostgresNode;
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    await app?.close();
    await replica.resumeReplay();
  });

  /** With the note "new" on the primary only, and the note "old" everywhere. */
  async function start(options: Partial<ReplicatedModuleOptions> = {}): Promise<Notes> {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url, poolSize: 10 },
      replicas: [{ url: replica.url }],
      ...options,
    } as ReplicatedModuleOptions);
    const notes = new ReplicatedRepository(Note, app.dataSource.manager);
    await notes.clear();
    await notes.save({ text: 'old' });
    await cluster.waitForReplication();
    await waitUntil(async () => (await app.readOn()) === 'replica-1');
    await replica.pauseReplay();
    await notes.save({ text: 'new' });
    routes.length = 0;
    app.cluster.onRoute(({ role, reason }: Route) => routes.push(`${role} ${reason}`));
    return notes;
  }
  const reading = <T>(fn: () => T): T => app.selector.run({ intent: 'replica' }, fn);
  const retries = (): unknown => app.cluster.stats().retries;

  const FINDS: [string, (notes: Notes, text: string) => Promise<unknown>][] = [
    ['findOne', (notes, text) => notes.findOne({ where: { text } })],
    ['findOneBy', (notes, text) => notes.findOneBy({ text })],
    ['findOneOrFail', (notes, text) => notes.findOneOrFail({ where: { text } })],
    ['findOneByOrFail', (notes, text) => notes.findOneByOrFail({ text })],
    ['exists', (notes, text) => notes.exists({ where: { text } })],
    ['existsBy', (notes, text) => notes.existsBy({ text })],
  ];

  it('asks the primary once more for what a replica has not found, with every look-up', async () => {
    const notes = await start();
    for (const [name, find] of FINDS) {
      routes.length = 0;
      const found = await reading(() => find(notes.orPrimary, 'new'));
      const expected = name.startsWith('exists') ? true : expect.objectContaining({ text: 'new' });
      expect([name, found]).toEqual([name, expected]);
      expect(routes).toEqual(['replica explicit', 'primary empty-answer']);
    }
    expect(retries()).toEqual({ empty: FINDS.length });
  });

  it('asks the primary for nothing that a replica has found, and for nothing but look-ups', async () => {
    const notes = await start();
    for (const [, find] of FINDS) await reading(() => find(notes.orPrimary, 'old'));
    expect(await reading(() => notes.orPrimary.findBy({ text: 'new' }))).toEqual([]);
    expect(await reading(() => notes.orPrimary.count())).toBe(1);
    expect(new Set(routes)).toEqual(new Set(['replica explicit']));
    expect(retries()).toEqual({});
  });

  it('what nobody has is not found, after the primary was asked', async () => {
    const notes = await start();
    expect(await reading(() => notes.orPrimary.findOneBy({ text: 'missing' }))).toBeNull();
    expect(await reading(() => notes.orPrimary.existsBy({ text: 'missing' }))).toBe(false);
    await expect(reading(() => notes.orPrimary.findOneByOrFail({ text: 'missing' }))).rejects.toThrow(
      EntityNotFoundError,
    );
    expect(retries()).toEqual({ empty: 3 });
  });

  it('a look-up that reads the primary anyway is answered by it alone', async () => {
    const notes = await start();
    expect(await notes.orPrimary.findOneBy({ text: 'missing' })).toBeNull();
    expect(await app.selector.usePrimary(() => notes.orPrimary.findOneBy({ text: 'missing' }))).toBeNull();
    expect(await reading(() => notes.primary.orPrimary.findOneBy({ text: 'missing' }))).toBeNull();
    app.cluster.mode = 'primary-only';
    expect(await reading(() => notes.orPrimary.findOneBy({ text: 'missing' }))).toBeNull();
    expect(routes).toEqual([
      'primary outside-unit',
      'primary explicit',
      'primary explicit',
      'primary mode-primary-only',
    ]);
    expect(retries()).toEqual({});
  });

  it('parallel look-ups of one unit are told apart', async () => {
    const notes = await start({ routing: { primaryFallback: { maxConcurrent: 4 } } });
    const found = await reading(() =>
      Promise.all([
        notes.orPrimary.findOneBy({ text: 'new' }),
        app.selector.usePrimary(() => notes.findOneBy({ text: 'old' })),
        notes.orPrimary.findOneBy({ text: 'old' }),
        notes.orPrimary.findOneBy({ text: 'missing' }),
      ]),
    );
    expect(found.map((note) => note?.text)).toEqual(['new', 'old', 'old', undefined]);
    expect(retries()).toEqual({ empty: 2 });
  });

  it('inside a transaction it stays in it', async () => {
    const notes = await start();
    const found = await reading(() =>
      app.dataSource.transaction((manager) =>
        manager.withRepository(notes).orPrimary.findOneBy({ text: 'new' }),
      ),
    );
    expect(found).toBeNull();
    expect(retries()).toEqual({});
  });

  it('methods of an extended repository look up in the same way', async () => {
    const notes = await start();
    const extended = notes.extend({
      byText(text: string) {
        return (this as unknown as Notes).findOneBy({ text });
      },
    });
    expect(await reading(() => extended.orPrimary.byText('new'))).toMatchObject({ text: 'new' });
  });

  // Its table without a log can be read on the primary only, for as long as the test needs.
  (isPostgres ? it : it.skip).each([
    ['the limit of the fall-back reached', { maxConcurrent: 1 }],
    ['no fall-back', false],
  ] as const)('with %s the empty answer stands', async (_state, primaryFallback) => {
    const notes = await start({ routing: { primaryFallback } });
    await cluster.primary.query(
      'CREATE UNLOGGED TABLE IF NOT EXISTS busy (); GRANT SELECT ON busy TO PUBLIC',
    );
    await replica.resumeReplay();
    await cluster.waitForReplication();
    await replica.pauseReplay();
    await notes.save({ text: 'newer' });
    const others = reading(() => app.dataSource.query('SELECT pg_sleep(60), count(*) FROM busy')).catch(
      () => 'refused',
    );
    if (primaryFallback)
      await waitUntil(async () => {
        const [row] = await cluster.primary.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()`,
        );
        return row?.count === 1;
      });
    expect(await reading(() => notes.orPrimary.findOneBy({ text: 'newer' }))).toBeNull();
    expect(retries()).not.toHaveProperty('empty');
    await cluster.primary.query(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
    );
    await others;
  });

  it('while the primary is down the empty answer stands', async () => {
    const notes = await start();
    await cluster.primary.stop('immediate');
    try {
      await app.timeUntil('primary', 'unreachable');
      expect(await reading(() => notes.orPrimary.findOneBy({ text: 'new' }))).toBeNull();
      await expect(reading(() => notes.orPrimary.findOneByOrFail({ text: 'new' }))).rejects.toThrow(
        EntityNotFoundError,
      );
    } finally {
      await cluster.primary.start();
    }
  });
});
