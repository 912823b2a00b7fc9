import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries, type PostgresBinaries } from './find-binaries.js';
import { chooseRunUser, type RunUser } from './run-user.js';
import { TestingError } from './testing-error.js';
import { Watchdog } from './watchdog.js';

// The program starts when the watchdog knows its process id: nothing is left of it whenever this process is killed.
const START_WHEN_GUARDED = 'read -r go && exec "$0" "$@" </dev/null';

/** The temporary folder of one cluster, what runs in it, and who cleans up behind it. */
export class Workspace {
  private constructor(
    readonly binaries: PostgresBinaries,
    readonly user: RunUser | undefined,
    readonly watchdog: Watchdog,
  ) {}

  static async open(binaries: string | undefined): Promise<Workspace> {
    if (process.platform === 'win32') {
      throw new TestingError(
        'ERR_TESTING_UNSUPPORTED',
        'startPostgresCluster needs POSIX signals and does not run on Windows. Run the tests in WSL or a container.',
      );
    }
    const user = await chooseRunUser();
    const folder = await mkdtemp(join(await realpath(tmpdir()), 'nestjs-replicated-'));
    const watchdog = new Watchdog(folder);
    try {
      if (user) await chown(folder, user.uid, user.gid);
      const found = await findBinaries(
        binaries ?? (process.env['POSTGRES_BIN'] || undefined),
        user,
        join(folder, 'postgres'),
      );
      return new Workspace(found, user, watchdog);
    } catch (error) {
      await watchdog.close();
      throw error;
    }
  }

  get folder(): string {
    return this.watchdog.folder;
  }

  /** Starts a program of PostgreSQL as the run user, guarded by the watchdog until it exits. */
  spawn(command: string, args: string[]): ChildProcess {
    const child = spawn('/bin/sh', ['-c', START_WHEN_GUARDED, command, ...args], {
      cwd: this.folder,
      detached: true, // Ctrl-C in a terminal must not end the servers before the code that uses them
      env: serverEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe'],
      ...this.user,
    });
    const { pid } = child;
    if (pid !== undefined) {
      this.watchdog.guard(pid);
      child.once('exit', () => this.watchdog.release(pid));
      child.stdin?.on('error', () => undefined); // it was ended before it began
      child.stdin?.end('go\n');
    }
    return child;
  }

  /** Runs a program of PostgreSQL to its end. */
  async run(command: string, args: string[]): Promise<void> {
    const child = this.spawn(command, args);
    let output = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === 0) return;
    throw new TestingError(
      'ERR_TESTING_START',
      `${command} failed with exit code ${code}. If it could not reach its folder, set TMPDIR to one that ` +
        `every user may enter. Its output:\n${output}`,
    );
  }
}

// PGSSLMODE, PGOPTIONS and their like would change how a standby connects; the readiness check reads English.
function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
}
