import { PassThrough } from 'node:stream';
import type { ContainerRuntimeClient } from 'testcontainers';
import type { StopMode } from './faulty-cluster.js';
import { LOG_PHRASES, STOP_SIGNALS, type ServerRun } from './server-home.js';
import { waitUntil } from './wait-until.js';
import { whenReady } from './when-ready.js';

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>;

export interface ContainerLaunch {
  container: Container;
  folder: string;
  timeoutMs: number;
  onLog: (text: string) => void;
}

/** A server as a process of a container. */
export class ContainerRun implements ServerRun {
  readonly #container: Container;
  readonly #folder: string;
  #isRunning = true;
  #isFrozen = false;

  private constructor(
    { container, folder }: ContainerLaunch,
    readonly pid: number,
    ended: Promise<string>,
  ) {
    this.#container = container;
    this.#folder = folder;
    void ended.then(() => (this.#isRunning = false));
  }

  /** Starts a server and waits until it accepts connections. */
  static async launch(options: ContainerLaunch): Promise<ContainerRun> {
    const { container, folder, timeoutMs, onLog } = options;
    const exec = await container.exec({
      Cmd: ['postgres', '-D', folder],
      Env: ['LC_ALL=C', 'TZ=UTC'],
      User: 'postgres',
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: false });
    const log = new PassThrough({ encoding: 'utf8' }).on('data', onLog);
    container.modem.demuxStream(stream, log, log);
    const ended = new Promise<string>((resolve) => {
      stream.once('close', () => resolve('ended'));
      stream.once('end', () => resolve('ended'));
      stream.once('error', (error: Error) => resolve(`cannot be followed: ${error.message}`));
    });
    await whenReady({ log, phrases: LOG_PHRASES, ended, place: `a container, folder ${folder},`, timeoutMs });
    const { Pid } = await exec.inspect();
    return new ContainerRun(options, Pid, ended);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  async stop(mode: StopMode, timeoutMs: number): Promise<void> {
    const signal = STOP_SIGNALS[mode].slice('SIG'.length);
    await this.#execute(`kill -${signal} $(head -n 1 ${this.#folder}/postmaster.pid)`);
    await this.#whenEnded(timeoutMs, `the server to stop in mode "${mode}"`);
  }

  /** All that the user postgres runs in the container, at once. The lock file would block the next start. */
  async kill(): Promise<void> {
    if (this.#isFrozen) await this.thaw();
    await this.#execute('kill -9 -1');
    await this.#whenEnded(10_000, 'the killed server to vanish');
    await this.#execute(`rm -f ${this.#folder}/postmaster.pid`);
  }

  async freeze(): Promise<void> {
    await this.#container.pause();
    this.#isFrozen = true;
  }

  async thaw(): Promise<void> {
    await this.#container.unpause();
    this.#isFrozen = false;
  }

  /** Runs a script in the container to its end, whatever that is: a server that is gone already needs no signal. */
  async #execute(script: string): Promise<void> {
    const exec = await this.#container.exec({
      Cmd: ['sh', '-c', script],
      User: 'postgres',
      AttachStdout: true,
    });
    const stream = await exec.start({ hijack: true, stdin: false });
    stream.resume();
    await waitUntil(async () => !(await exec.inspect()).Running, { intervalMs: 5, message: script });
  }

  async #whenEnded(timeoutMs: number, what: string): Promise<void> {
    await waitUntil(() => !this.#isRunning, { timeoutMs, intervalMs: 1, message: what });
  }
}
