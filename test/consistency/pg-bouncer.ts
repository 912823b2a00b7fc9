import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { waitUntil, type PostgresNode } from 'nestjs-replicated/testing';

const BINARY = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((path) =>
  existsSync(path),
);

export const hasPgBouncer = BINARY !== undefined;

/** A PgBouncer in transaction mode. */
export interface PgBouncer {
  /** Of a database on the servers of `databases` under that name. */
  url(database: string): string;
  /** How many clients it has not let in, since there were `max_client_conn`. */
  refusals(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * `databases`: by name, the servers among which it spreads its connections. `settings`: of the section `[pgbouncer]`, in
 * place of those here.
 */
export async function startPgBouncer(
  databases: Readonly<Record<string, readonly Pick<PostgresNode, 'host' | 'port'>[]>>,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const port = await freePort();
  // One entry per server: PgBouncer has one port per entry, so a list of ports needs a name for each.
  const lines = Object.entries(databases).map(([name, nodes]) => {
    const [first] = nodes;
    return `${name} = host=${nodes.map(({ host }) => host).join(',')} port=${first?.port} dbname=app user=app`;
  });
  await writeFile(
    join(folder, 'pgbouncer.ini'),
    [
      '[databases]',
      ...lines,
      '[pgbouncer]',
      `listen_addr=127.0.0.1`,
      `listen_port=${port}`,
      'auth_type=any',
      'pool_mode=transaction',
      'unix_socket_dir=',
      `logfile=${join(folder, 'log')}`,
      'server_round_robin=1',
      'default_pool_size=2',
      'min_pool_size=2',
      'server_login_retry=1',
      ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      '',
    ].join('\n'),
  );
  await chmod(folder, 0o777);
  const child = spawn(BINARY ?? '', [join(folder, 'pgbouncer.ini')], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  const url = (database: string) => `postgresql://app@127.0.0.1:${port}/${database}`;
  await waitUntil(() => canConnect(url(Object.keys(databases)[0] ?? '')), {
    message: 'PgBouncer to accept connections',
  });
  const refusals = async () =>
    (await readFile(join(folder, 'log'), 'utf8')).split('pooler error: no more connections allowed').length -
    1;
  return { url, refusals, stop: () => stop(child, folder) };
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGQUIT');
  await gone;
  await rm(folder, { recursive: true, force: true });
}

async function canConnect(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.end();
  return true;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
