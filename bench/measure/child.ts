import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Options of a child process. */
export interface ChildOptions {
  /** Another Node binary. */
  readonly node?: string | undefined;
  readonly flags?: readonly string[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process that answers questions: servers and load generators, so that neither disturbs the other's measurements. */
export class Child {
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private lastId = 0;

  private constructor(private readonly process: ChildProcess) {
    process.on('message', (answer: Answer) => this.settle(answer));
    process.on('exit', (code, signal) =>
      this.failAll(new Error(`A child process ended by itself (${signal ?? `code ${code}`}).`)),
    );
  }

  /** `module`: a compiled file that calls `answer()`. */
  static start(module: URL, { node, flags = [] }: ChildOptions = {}): Child {
    const execArgv = ['--expose-gc', ...flags];
    return new Child(
      fork(module, { execArgv, ...(node ? { execPath: node } : {}), serialization: 'advanced' }),
    );
  }

  get pid(): number {
    return this.process.pid ?? Number.NaN;
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  ask<T>(question: string, input?: unknown): Promise<T> {
    if (!this.isRunning)
      return Promise.reject(new Error(`"${question}" was asked of a process that has ended.`));
    const id = ++this.lastId;
    this.process.send({ id, question, input });
    return new Promise<T>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }

  private settle({ id, value, error }: Answer): void {
    const asker = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) asker?.resolve(value as never);
    else asker?.reject(new Error(error));
  }

  private failAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
