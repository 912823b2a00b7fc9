import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';

/**
 * What a process is sent when this one has died: QUIT makes a postmaster end its children and its shared memory,
 * CONT lets a frozen child hear of that.
 */
type LastSignal = 'QUIT' | 'CONT';

// Its input ends when this process has died, however it died. The last line read lists what to end.
const SCRIPT = `
trap '' HUP INT TERM
is_alive() {
  kill -0 $1 || return 1
  [ -r /proc/$1/stat ] || return 0
  read -r _ _ state _ </proc/$1/stat && [ "$state" != Z ] # a zombie, where nobody reaps, is no reason to wait
}
quit= cont=
while IFS=: read -r a b; do quit=$a cont=$b; done
[ -z "$quit" ] || kill -QUIT $quit
[ -z "$quit$cont" ] || kill -CONT $quit $cont
for pid in $quit; do
  tries=0
  while is_alive $pid && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.05; done
  ! is_alive $pid || kill -KILL $pid
done
tries=0
until rm -rf "$1" || [ $tries -gt 40 ]; do tries=$((tries + 1)); sleep 0.05; done
`;

/**
 * A shell of a few hundred kilobytes which outlives this process: it ends the servers and removes their folder
 * when this process is gone, also after SIGKILL. Portable to every POSIX system, unlike a parent-death signal.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  readonly #guarded = new Map<number, LastSignal>();

  constructor(readonly folder: string) {
    // Detached: Ctrl-C reaches every process of the terminal's group, and must not end this one.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', folder], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.stdin?.on('error', () => undefined); // someone ended the shell: `close` removes the folder itself
    this.#shell.unref();
    (this.#shell.stdin as Socket).unref();
  }

  /** `pid` gets `signal` when this process dies, and is ended if that is not enough. */
  guard(pid: number, signal: LastSignal = 'QUIT'): void {
    this.#guarded.set(pid, signal);
    this.#report();
  }

  /** `pid` is gone, or none of ours any more. */
  release(pid: number): void {
    if (this.#guarded.delete(pid)) this.#report();
  }

  /** Ends whatever is still guarded and removes the folder. */
  async close(): Promise<void> {
    if (this.#shell.exitCode === null && this.#shell.signalCode === null) {
      this.#shell.ref();
      const exited = once(this.#shell, 'exit');
      this.#shell.stdin?.end();
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #report(): void {
    const pids = (signal: LastSignal) =>
      [...this.#guarded].flatMap(([pid, last]) => (last === signal ? [pid] : [])).join(' ');
    this.#shell.stdin?.write(`${pids('QUIT')}:${pids('CONT')}\n`);
  }
}
