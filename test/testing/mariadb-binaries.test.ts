import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMariadbCluster } from 'nestjs-replicated/testing';
import { describeMariadb, hasMariadb } from '../support/mariadb-server.js';
import { makeProjectCopy, outcomeOf, type ProjectCopy } from './project-copy.js';

const ORDINARY_UID = 1; // "daemon", on every system
const isRoot = process.getuid?.() === 0;
const START = `startMariadbCluster()
  .then(async (cluster) => {
    const [row] = await cluster.replicas[0].query('SELECT @@read_only AS standby');
    console.log(row.standby);
    await cluster.stop();
  })
  .catch((error) => console.log(error.code + '\\n' + error.message));`;

describeMariadb('a project with mysql2 and without pg', () => {
  let project: ProjectCopy;
  beforeAll(async () => {
    project = await makeProjectCopy({ embedded: false, drivers: ['mysql2'] });
  });
  afterAll(() => project?.remove());

  it.each(['es6', 'commonjs'] as const)('starts a MariaDB cluster, format %s', async (format) => {
    expect(await outcomeOf(project.run(START, { format }))).toEqual({ code: 0, out: '1', err: '' });
  });

  it('does so as an ordinary user', async () => {
    const uid = isRoot ? ORDINARY_UID : undefined;
    expect(await outcomeOf(project.run(START, { uid }))).toEqual({ code: 0, out: '1', err: '' });
  });

  it('starts one from a folder of binaries', async () => {
    await using cluster = await startMariadbCluster({ replicas: 0, binaries: '/usr/sbin' });
    expect(cluster.primary.state).toBe('running');
  });

  it('is told that pg is missing when it wants PostgreSQL', async () => {
    const script = 'startPostgresCluster().catch((error) => console.log(error.code, error.message));';
    const { out } = await outcomeOf(project.run(script));
    expect(out).toMatch(
      /^ERR_TESTING_UNSUPPORTED Package pg cannot be loaded: .*npm install --save-dev pg$/s,
    );
  });
});

describe('a missing MariaDB', () => {
  it('is reported with what to install', async () => {
    if (hasMariadb) return;
    const failure = startMariadbCluster();
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_NO_BINARIES' });
    await expect(failure).rejects.toThrow(/no MariaDB server. Install.*mariadb-server-core.*MARIADB_BIN/);
  });

  it('is reported with the folder that was asked for', async () => {
    const failure = startMariadbCluster({ binaries: '/nowhere' });
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_NO_BINARIES' });
    await expect(failure).rejects.toThrow(/no file \/nowhere\/mariadbd. Install.*mariadb-server-core/);
  });

  it('is no reason to ask for it where mysql2 is missing first', async () => {
    const project = await makeProjectCopy({ embedded: false, drivers: ['pg'] });
    try {
      const { out } = await outcomeOf(project.run(START));
      expect(out).toMatch(/^ERR_TESTING_UNSUPPORTED\nPackage mysql2 cannot.*npm install --save-dev mysql2$/s);
    } finally {
      await project.remove();
    }
  });
});

describeMariadb('a MariaDB server that does not start', () => {
  it.each([
    ['because of a setting', { default_time_zone: 'Mars' }, /unknown default time zone 'Mars'/i],
    ['while its data are made', { work_mem: 1 }, /unknown variable 'work_mem=1'/],
  ])('%s is reported with its log, and leaves nothing', async (_, settings, reason) => {
    let folder = '';
    const failure = startMariadbCluster({
      settings,
      log: (line) => (folder ||= line.split(' in ')[1] ?? ''),
    });
    await expect(failure).rejects.toThrow(reason);
    expect([folder === '', existsSync(folder)]).toEqual([false, false]);
  });

  it('is not even tried with a bad number of replicas', async () => {
    await expect(startMariadbCluster({ replicas: -1 })).rejects.toThrow(/integer of 0 or more, got -1/);
  });
});
