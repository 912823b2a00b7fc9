import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A Node process without jest that has said its first word. */
export interface OutsideJest {
  readonly message: unknown;
  readonly child: ChildProcess;
  /** When it has ended. */
  readonly ended: Promise<unknown>;
}

/** Runs a TypeScript file in a Node process without jest, until its first message. */
export async function forkOutsideJest(
  file: URL,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<OutsideJest> {
  const child = fork(fileURLToPath(file), args, {
    execArgv: ['--import', new URL('../../scripts/run-sources.mjs', import.meta.url).href, ...flags],
  });
  const ended = once(child, 'exit');
  const [message] = await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => Promise.reject(new Error(`${file.pathname} ended with exit code ${code}`))),
  ]);
  return { message, child, ended };
}
