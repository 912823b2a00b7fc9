import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { StopMode } from './faulty-cluster.js';
import { childrenOf, halt, isAlive, sendSignal } from './process-tree.js';
import type { LaunchOptions, ServerRun } from './server-home.js';
import { describeError } from './testing-error.js';
import { waitUntil } from './wait-until.js';
import { whenReady, type LogPhrases } from './when-ready.js';
import type { Workspace } from './workspace.js';

/** What is started as a server, and how it is talked to. */
export interface ServerProgram {
  readonly command: string;
  readonly args: string[];
  /** Its data. */
  readonly folder: string;
  readonly phrases: LogPhrases;
  /** Whether the process accepts connections, for servers whose log may be silent. */
  readonly isReady?: (pid: number) => Promise<boolean>;
  readonly stopSignals: Readonly<Record<StopMode, NodeJS.Signals>>;
  /** Removes what the server leaves behind when it is killed. */
  readonly cleanUp?: () => Promise<void>;
}

/** A server as a process of this machine, with its children. */
export class ServerProcess implements ServerRun {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #workspace: Workspace;
  readonly #program: ServerProgram;
  #frozen: number[] = [];

  private constructor(child: ChildProcess, workspace: Workspace, program: ServerProgram) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#workspace = workspace;
    this.#program = program;
  }

  /** Starts a server and waits until it accepts connections. */
  static async launch(
    workspace: Workspace,
    program: ServerProgram,
    { port, timeoutMs, onLog }: LaunchOptions,
  ): Promise<ServerProcess> {
    const child = workspace.spawn(program.command, program.args);
    child.unref();
    const log = child.stderr as Socket;
    log.unref();
    log.setEncoding('utf8').on('data', onLog);
    const place = `${program.folder} on port ${port}`;
    const server = new ServerProcess(child, workspace, program);
    const { phrases } = program;
    const isReady = program.isReady?.bind(program, server.pid);
    const ended = whenEnded(child);
    await whenReady({ log, phrases, isReady, ended, place, timeoutMs }).catch((error: unknown) => {
      child.kill('SIGQUIT');
      throw error;
    });
    return server;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isFrozen(): boolean {
    return this.#frozen.length > 0;
  }

  async stop(mode: StopMode, timeoutMs: number): Promise<void> {
    sendSignal(this.pid, this.#program.stopSignals[mode]);
    await this.#whenExited(timeoutMs, `the server to stop in mode "${mode}"`);
  }

  /** Ends the whole process tree at once, so that the data folder can be used by another server right away. */
  async kill(): Promise<void> {
    await halt([this.pid]); // from here on it starts no more children
    const children = await childrenOf(this.pid);
    for (const pid of [...children, this.pid]) sendSignal(pid, 'SIGKILL');
    this.#forgetFrozen();
    await this.#whenExited(10_000, 'the killed server to vanish');
    await waitUntil(async () => !(await Promise.all(children.map(isAlive))).includes(true), {
      intervalMs: 1,
      message: `the children ${children.join(', ')} of the killed server to vanish`,
    });
    await this.#program.cleanUp?.();
  }

  /** Stops every process of the server without ending any: connections stay open and nobody answers. */
  async freeze(): Promise<void> {
    await halt([this.pid]);
    const children = await childrenOf(this.pid);
    this.#frozen = [this.pid, ...children];
    for (const pid of children) this.#workspace.watchdog.guard(pid, 'CONT');
    await halt(children);
  }

  async thaw(): Promise<void> {
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

function whenEnded(child: ChildProcess): Promise<string> {
  return once(child, 'close').then(
    () => 'ended',
    (error: unknown) => `could not be executed: ${describeError(error)}`,
  );
}
