import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseRunUser, type RunUser } from './run-user.js';
import { TestingError } from './testing-error.js';
import { Watchdog } from './watchdog.js';

// The program starts when the watchdog knows its process id: nothing is left of it whenever this process is killed.
const START_WHEN_GUARDED = 'read -r go && exec "$@" <"$0"';

/** The temporary folder of one cluster, what runs in it, and who cleans up behind it. */
export class Workspace {
  private constructor(
    readonly user: RunUser | undefined,
    readonly watchdog: Watchdog,
  ) {}

  /** `starter`: the function that the user has called. */
  static async open(starter: string): Promise<Workspace> {
    if (process.platform === 'win32') {
      throw new TestingError(
        'ERR_TESTING_UNSUPPORTED',
        `${starter} needs POSIX signals and does not run on Windows. Run the tests in WSL or a container.`,
      );
    }
    const user = await chooseRunUser();
    const folder = await mkdtemp(join(await realpath(tmpdir()), 'nestjs-replicated-'));
    const watchdog = new Watchdog(folder);
    if (user) await chown(folder, user.uid, user.gid);
    return new Workspace(user, watchdog);
  }

  get folder(): string {
    return this.watchdog.folder;
  }

  /** Starts a program as the run user, guarded by the watchdog until it exits. `input`: a file, for it to read. */
  spawn(command: string, args: string[], input = '/dev/null'): ChildProcess {
    const child = spawn('/bin/sh', ['-c', START_WHEN_GUARDED, input, command, ...args], {
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

  /** Runs a program to its end. */
  async run(command: string, args: string[], input?: string): Promise<void> {
    const child = this.spawn(command, args, input);
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

// PGSSLMODE, MYSQL_HOME and their like would change how servers start and connect; the readiness check reads English.
function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|MYSQL|MARIADB)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
}
