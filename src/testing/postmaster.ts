import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, isAlive, sendSignal } from './process-tree.js';
import { describeError, TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';
import type { Workspace } from './workspace.js';

/** How a server shuts down: waiting for clients, ending them, or without a clean shutdown (a crash for its data). */
export type StopMode = 'smart' | 'fast' | 'immediate';

export interface LaunchOptions {
  workspace: Workspace;
  folder: string;
  port: number;
  timeoutMs: number;
  /** Receives what the server writes to its log. */
  onLog: (text: string) => void;
}

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
const READY = /ready to accept (read[- ]only )?connections/;
const PORT_TAKEN = /could not bind|could not create any TCP/;

/** One run of a server, from its start to its end. */
export class Postmaster {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #workspace: Workspace;
  #frozen: number[] = [];

  private constructor(child: ChildProcess, pid: number, workspace: Workspace) {
    this.#child = child;
    this.pid = pid;
    this.#workspace = workspace;
  }

  /** Starts a server and waits until it accepts connections. */
  static async launch(options: LaunchOptions): Promise<Postmaster> {
    const { workspace, folder, port } = options;
    const child = workspace.spawn(workspace.binaries.postgres, ['-D', folder, '-p', String(port)]);
    child.unref();
    (child.stderr as Socket).unref();
    child.stderr?.setEncoding('utf8').on('data', options.onLog);
    await whenReady(child, options);
    return new Postmaster(child, child.pid ?? 0, workspace);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isFrozen(): boolean {
    return this.#frozen.length > 0;
  }

  async stop(mode: StopMode, timeoutMs: number): Promise<void> {
    sendSignal(this.pid, STOP_SIGNALS[mode]);
    await this.#whenExited(timeoutMs, `the server to stop in mode "${mode}"`);
  }

  /** Ends the whole process tree at once, so that the data folder can be used by another server right away. */
  async kill(): Promise<void> {
    sendSignal(this.pid, 'SIGSTOP'); // from here on it starts no more children
    const children = await childrenOf(this.pid);
    for (const pid of [...children, this.pid]) sendSignal(pid, 'SIGKILL');
    this.#forgetFrozen();
    await this.#whenExited(10_000, 'the killed server to vanish');
    await waitUntil(async () => !(await Promise.all(children.map(isAlive))).includes(true), {
      intervalMs: 1,
      message: `the children ${children.join(', ')} of the killed server to vanish`,
    });
  }

  /** Stops every process of the server without ending any: connections stay open and nobody answers. */
  async freeze(): Promise<void> {
    sendSignal(this.pid, 'SIGSTOP');
    this.#frozen = [this.pid, ...(await childrenOf(this.pid))];
    for (const pid of this.#frozen) {
      sendSignal(pid, 'SIGSTOP');
      if (pid !== this.pid) this.#workspace.watchdog.guard(pid, 'CONT');
    }
  }

  thaw(): void {
    for (const pid of this.#frozen) sendSignal(pid, 'SIGCONT');
    this.#forgetFrozen();
  }

  #forgetFrozen(): void {
    for (const pid of this.#frozen) if (pid !== this.pid) this.#workspace.watchdog.release(pid);
    this.#frozen = [];
  }

  async #whenExited(timeoutMs: number, what: string): Promise<void> {
    await waitUntil(() => !this.isRunning, {
      timeoutMs,
      intervalMs: 1,
      message: `${what} (pid ${this.pid})`,
    });
  }
}

async function whenReady(child: ChildProcess, { timeoutMs, folder, port }: LaunchOptions): Promise<void> {
  const done = new AbortController();
  const output: string[] = [];
  const failure = await Promise.race([
    readyLine(child, output),
    sleep(timeoutMs, `was not ready after ${timeoutMs} ms`, { signal: done.signal }),
    once(child, 'close', { signal: done.signal }).then(
      () => 'ended',
      (error: unknown) => `could not be executed: ${describeError(error)}`,
    ),
  ]);
  done.abort();
  if (failure === undefined) return;
  child.kill('SIGQUIT');
  const log = output.join('');
  throw new TestingError(
    PORT_TAKEN.test(log) ? 'ERR_TESTING_PORT_TAKEN' : 'ERR_TESTING_START',
    `The server in ${folder} on port ${port} ${failure}. Its log ends with:\n${lastLines(log)}`,
  );
}

/** Resolves when the server says that it accepts connections; collects what it says until then. */
function readyLine(child: ChildProcess, output: string[]): Promise<undefined> {
  return new Promise((resolve) => {
    const read = (text: string) => {
      output.push(text);
      if (!READY.test(output.join(''))) return;
      child.stderr?.off('data', read);
      resolve(undefined);
    };
    child.stderr?.on('data', read);
  });
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
