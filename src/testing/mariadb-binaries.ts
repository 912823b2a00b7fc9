import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { RunUser } from './run-user.js';
import { describeError, TestingError } from './testing-error.js';

/** An installed MariaDB server which the run user can execute. */
export interface MariadbBinaries {
  mariadbd: string;
  /** Such as "10.11.19". */
  version: string;
  /** The folder of the server's messages, in which every server of this version finds them. */
  share: string;
  /** The scripts that make the system tables, in order. */
  scripts: string[];
}

const OLDEST = [10, 6] as const;
// Where packages put a server that is not on the path of ordinary users: Debian, Fedora, Homebrew.
const USUAL_FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin', '/opt/homebrew/opt/mariadb/bin'];
const SHARE_FOLDERS = ['../share/mysql', '../share/mariadb', '../share'];
const SCRIPTS = ['system_tables.sql', 'performance_tables.sql', 'system_tables_data.sql'];
const INSTALL_HINT =
  'Install the server: `apt-get install mariadb-server-core` (Debian, Ubuntu), `dnf install mariadb-server` (Fedora), ' +
  '`apk add mariadb` (Alpine), `brew install mariadb` (macOS). Or set the option `binaries` or the environment ' +
  'variable MARIADB_BIN to the folder of a `mariadbd`.';

/** The server in `folder` if given, else that of the system. */
export async function findMariadb(
  folder: string | undefined,
  user: RunUser | undefined,
): Promise<MariadbBinaries> {
  const bin = folder ?? systemFolders().find((path) => existsSync(join(path, 'mariadbd')));
  if (bin === undefined) throw missing('This machine has no MariaDB server.');
  const mariadbd = join(bin, 'mariadbd');
  if (!existsSync(mariadbd)) throw missing(`There is no file ${mariadbd}.`);
  const version = await askVersion(mariadbd, user).catch((error: unknown) => {
    const who = user ? ` as user "nobody", which stands in for root` : '';
    throw missing(`${mariadbd} cannot be executed${who}: ${describeError(error)}.`, error);
  });
  checkVersion(mariadbd, version);
  return { mariadbd, version, ...(await findScripts(bin)) };
}

function systemFolders(): string[] {
  return [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
}

async function askVersion(mariadbd: string, user: RunUser | undefined): Promise<string> {
  const { stdout } = await promisify(execFile)(mariadbd, ['--version'], { cwd: '/', ...user });
  return / ([\d.]+)-MariaDB/.exec(stdout)?.[1] ?? stdout.trim();
}

function checkVersion(mariadbd: string, version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new TestingError(
    'ERR_TESTING_UNSUPPORTED',
    `${mariadbd} is "${version}"; MariaDB ${OLDEST.join('.')} or newer is needed. ${INSTALL_HINT}`,
  );
}

/** Packages differ in the folder, versions in what the scripts' names begin with. */
async function findScripts(bin: string): Promise<Pick<MariadbBinaries, 'share' | 'scripts'>> {
  for (const share of SHARE_FOLDERS.map((path) => join(bin, path))) {
    const files = await readdir(share).catch((): string[] => []);
    const prefix = ['mysql_', 'mariadb_'].find((start) => files.includes(start + SCRIPTS[0]));
    if (prefix !== undefined) return { share, scripts: SCRIPTS.map((name) => join(share, prefix + name)) };
  }
  throw missing(`The mariadbd in ${bin} lacks its file mysql_system_tables.sql.`);
}

function missing(what: string, cause?: unknown): TestingError {
  return new TestingError('ERR_TESTING_NO_BINARIES', `${what} ${INSTALL_HINT}`, { cause });
}
