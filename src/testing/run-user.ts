import { readFile } from 'node:fs/promises';
import { TestingError } from './testing-error.js';

/** The account under which the servers run when this process is root: PostgreSQL refuses that, MariaDB should. */
export interface RunUser {
  uid: number;
  gid: number;
}

/** `nobody` when this process is root, otherwise undefined: the servers run as this process' own user. */
export async function chooseRunUser(): Promise<RunUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const nobody = parseUser(await readFile('/etc/passwd', 'utf8'), 'nobody');
  if (nobody !== undefined) return nobody;
  throw new TestingError(
    'ERR_TESTING_UNSUPPORTED',
    'This process is root, database servers do not run as root, and /etc/passwd has no user "nobody" to run them as. ' +
      'Run the tests as an ordinary user, or add that user.',
  );
}

/** The ids of `name` in the text of a passwd file. */
export function parseUser(passwd: string, name: string): RunUser | undefined {
  const line = passwd.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (!uid || !gid) return undefined;
  // macOS writes -2 for nobody; the system calls want the unsigned form.
  return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
}
