import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { createNotes, Notebook, readNotes, type Platform, type Visitor } from './notebook.js';

describe.each<Platform>(['express', 'fastify'])('a client sees its own write (%s)', (platform) => {
  let postgres: PostgresCluster;
  const notebooks: Notebook[] = [];

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 1 });
    await createNotes(postgres);
    if (!isPostgres) return;
    // A standby that is restarted begins here.
    await postgres.primary.query('CHECKPOINT');
    await postgres.waitForReplication();
    await replica().query('CHECKPOINT');
  });
  afterEach(async () => {
    await replica().setApplyDelay(0);
    await replica().resumeReplay();
    await Promise.all(notebooks.splice(0).map((notebook) => notebook.close()));
  });
  afterAll(() => postgres?.stop());

  const replica = () => postgres.replicas[0] ?? postgres.primary;

  async function open(options: Partial<ReplicatedModuleOptions>): Promise<Notebook> {
    const notebook = await Notebook.open({ postgres, platform, options });
    notebooks.push(notebook);
    return notebook;
  }

  const write = (visitor: Visitor, text: string) =>
    visitor.post(({ db }) => db.getRepository(Note).insert({ text }));

  // What a replica of MariaDB has replayed, it has after a restart, too.
  (isPostgres ? it : it.skip)(
    'after a replica which had it was restarted, and has not replayed it again',
    async () => {
      // Nobody probes meanwhile.
      const notebook = await open({ monitor: { intervalMs: 9_000 } });
      const visitor = notebook.visitor();
      await write(visitor, 'restart');
      await waitUntil(async () => (await visitor.get(readNotes)).route === 'replica-1; reason=read-method');
      await replica().setApplyDelay(60_000);
      await replica().kill();
      await replica().start();
      expect(await replica().query(`SELECT id FROM note WHERE text = 'restart'`)).toEqual([]);
      // The first read finds out on its connection, and is repeated elsewhere.
      const onReplica = 'replica-1; reason=read-method, ';
      for (const before of [onReplica, '', '']) {
        const read = await visitor.get(readNotes);
        expect(JSON.stringify(read.body)).toContain('"restart"');
        expect(read.route).toMatch(new RegExp(`^${before}primary; reason=[a-z-]+$`));
      }
    },
  );

  it('made while there was no replica, after one was added that has not replayed it', async () => {
    const notebook = await open({});
    const visitor = notebook.visitor();
    await notebook.cluster.removeReplica('replica-1');
    await replica().pauseReplay();
    await write(visitor, 'none');
    await notebook.cluster.addReplica({ url: replica().url, name: 'another' });
    const read = await visitor.get(readNotes);
    expect(JSON.stringify(read.body)).toContain('"none"');
    await replica().resumeReplay();
    await waitUntil(async () => (await visitor.get(readNotes)).route === 'another; reason=read-method');
  });
});
