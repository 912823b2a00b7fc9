import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { waitUntil } from 'nestjs-replicated/testing';

/** What Prometheus answers to an instant query. */
export interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

/** A running Prometheus. */
export interface Prometheus {
  query(expression: string): Promise<Answer>;
  /** Calls `between` until its targets were scraped that often. */
  scrapes(times: number, between: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

export function findPromtool({ PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  return PATH.split(delimiter)
    .map((folder) => join(folder, 'promtool'))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts the server of the same package on a free port. */
export async function startPrometheus(folder: string, config: string): Promise<Prometheus> {
  const port = await freePort();
  const process = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = once(process, 'exit');
  const url = `http://127.0.0.1:${port}`;
  await waitUntil(async () => (await fetch(`${url}/-/ready`)).ok, {
    message: 'Prometheus to be ready',
    timeoutMs: 20_000,
  });
  const query = async (expression: string): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    return (await response.json()) as Answer;
  };
  return {
    query,
    async scrapes(times, between) {
      await waitUntil(
        async () => {
          await between();
          const { data } = await query('min(count_over_time(up[1m]))');
          return Number(data.result[0]?.value[1] ?? 0) >= times;
        },
        { message: 'Prometheus to scrape its targets', timeoutMs: 20_000 },
      );
    },
    async stop() {
      process.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
