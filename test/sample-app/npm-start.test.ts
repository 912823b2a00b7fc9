import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from 'nestjs-replicated/testing';
import { describeMariadb } from '../support/mariadb-server.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 120_000;
const MAIN = [process.execPath, '--import', './scripts/run-sources.mjs', 'sample-app/main.ts'];

/** A started guestbook, in a process group of its own as in a terminal. */
class Program {
  readonly #child: ChildProcess;
  output = '';

  constructor(command: readonly string[], given: NodeJS.ProcessEnv) {
    // Processes of this machine, wherever the other tests have their clusters: their folder is looked for.
    const env = { ...process.env, PRIMARY_URL: '', TEST_CLUSTER: '', ...given };
    const [file = '', ...args] = command;
    this.#child = spawn(file, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  /** Waits for the line that names the address, which it resolves to. */
  async listening(): Promise<string> {
    const address = () => /Listening at (\S+)/.exec(this.output)?.[1];
    await waitUntil(() => this.#hasEnded || address(), {
      timeoutMs: START_MS,
      message: 'the guestbook to listen',
    });
    const url = address();
    if (url === undefined) throw new Error(`The guestbook ended before it listened:\n${this.output}`);
    return url;
  }

  /** Sends a signal to the process, or as Ctrl-C does to all of them, and resolves when all is over. */
  async end(signal: NodeJS.Signals, whom: 'process' | 'group'): Promise<string> {
    const exited = once(this.#child, 'close') as Promise<[number | null]>;
    const pid = this.#child.pid as number;
    process.kill(whom === 'group' ? -pid : pid, signal);
    const [code] = await exited;
    return code === 0 ? 'exit code 0' : `exit code ${code} after:\n${this.output}`;
  }

  /** Waits until it ends by itself. */
  async ended(): Promise<number | null> {
    const [code] = (await once(this.#child, 'close')) as [number | null];
    return code;
  }

  /** For a test that failed half-way: ends whatever is left of the group. */
  destroy(): void {
    try {
      process.kill(-(this.#child.pid as number), 'SIGKILL');
    } catch {
      // nothing is left, as it should be
    }
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get dataFolder(): string {
    return /data in (\S+)/.exec(this.output)?.[1] ?? 'none';
  }

  get databasePorts(): number[] {
    return [...this.output.matchAll(/accepts connections at \S+:(\d+)/g)].map(([, port]) => Number(port));
  }
}

describe('npm start', () => {
  let taken: Server;
  let port: number;
  const programs: Program[] = [];

  beforeAll(async () => {
    taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    port = (taken.address() as AddressInfo).port;
  });
  afterAll(() => {
    for (const program of programs) program.destroy();
    taken?.close();
  });

  function start(command: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const program = new Program(command, { PORT: String(port), ...env });
    programs.push(program);
    return program;
  }

  it(
    'serves pages on the next free port until npm gets SIGINT, and leaves nothing behind',
    async () => {
      const program = start(['npm', 'start']);
      const url = await program.listening();
      expect(program.output).toContain(`Port ${port} is taken`);
      expect(program.output).not.toContain('ERROR');
      await waitUntil(() => program.output.includes('Try: curl')); // what can be tried follows the address
      const { status, headers } = await fetch(url);
      expect([status, headers.get('replication-route')]).toEqual([200, expect.stringMatching(/^replica-/)]);
      expect(program.databasePorts).toHaveLength(3);
      expect(await program.end('SIGINT', 'process')).toBe('exit code 0');
      await expectNothingLeft(program);
    },
    START_MS,
  );

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with 0 when all its processes get %s',
    async (signal) => {
      const program = start(MAIN);
      await program.listening();
      expect(await program.end(signal, 'group')).toBe('exit code 0');
      await expectNothingLeft(program);
    },
    START_MS,
  );

  it(
    'leaves nothing behind when Ctrl-C comes while it starts',
    async () => {
      const program = start(['npm', 'start']);
      await waitUntil(() => program.dataFolder !== 'none', {
        timeoutMs: START_MS,
        message: 'its first lines',
      });
      expect(await program.end('SIGINT', 'group')).toBe('exit code 0');
      await expectNothingLeft(program);
    },
    START_MS,
  );

  describeMariadb('with ENGINE=mariadb', () => {
    it(
      'serves the same pages',
      async () => {
        const program = start(MAIN, { ENGINE: 'mariadb' });
        const { status, headers } = await fetch(await program.listening());
        expect([status, headers.get('replication-route')]).toEqual([200, expect.stringMatching(/^replica-/)]);
        expect(program.output).not.toContain('ERROR');
        expect(program.databasePorts).toHaveLength(3);
        expect(await program.end('SIGINT', 'group')).toBe('exit code 0');
        await expectNothingLeft(program);
      },
      START_MS,
    );
  });

  it(
    'says what to install where there is no MariaDB server',
    async () => {
      const program = start(MAIN, { ENGINE: 'mariadb', MARIADB_BIN: '/nowhere' });
      expect(await program.ended()).toBe(1);
      expect(program.output).toContain('apt-get install mariadb-server-core');
      expect(program.output).not.toContain('    at ');
    },
    START_MS,
  );
});

async function expectNothingLeft({ dataFolder, databasePorts }: Program): Promise<void> {
  expect(dataFolder).toMatch(/^\//);
  await waitUntil(() => !existsSync(dataFolder), { message: `${dataFolder} to vanish` });
  for (const port of databasePorts) {
    const socket = connect(port, '127.0.0.1');
    await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }
}
