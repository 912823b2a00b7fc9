import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';

interface Question {
  readonly id: number;
  readonly question: string;
  readonly input: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The child's side: answers questions by name. The process ends with its parent. */
export function answer(handlers: Readonly<Record<string, (input: never) => unknown>>): void {
  process.on('message', ({ id, question, input }: Question) => {
    void Promise.resolve()
      .then(() => handlers[question]?.(input as never))
      .then((value) => process.send?.({ id, value }))
      .catch((error: Error) => process.send?.({ id, error: error.stack ?? error.message }));
  });
  process.on('disconnect', () => process.exit());
}

/** A process that answers questions: servers and load generators, so that neither disturbs the other's measurements. */
export class Child {
  private readonly waiting = new Map<number, (value: unknown, error?: Error) => void>();
  private lastId = 0;

  private constructor(private readonly process: ChildProcess) {
    process.on('message', ({ id, value, error }: Answer) => {
      const settle = this.waiting.get(id);
      this.waiting.delete(id);
      settle?.(value, error === undefined ? undefined : new Error(error));
    });
    process.on('exit', (code, signal) => {
      const error = new Error(`A child process ended by itself (${signal ?? `code ${code}`}).`);
      for (const settle of this.waiting.values()) settle(undefined, error);
      this.waiting.clear();
    });
  }

  /** `module`: a compiled file that calls `answer()`; `node`: another binary. */
  static start(module: URL, node?: string): Child {
    const options: ForkOptions = { execArgv: ['--expose-gc'], serialization: 'advanced' };
    return new Child(fork(module, { ...options, ...(node ? { execPath: node } : {}) }));
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
    return new Promise<T>((resolve, reject) =>
      this.waiting.set(id, (value, error) => (error ? reject(error) : resolve(value as T))),
    );
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }
}
