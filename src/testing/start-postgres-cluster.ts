import { loadPg } from './load-peer.js';
import { openSite, type SiteOptions } from './open-site.js';
import { resolvePlan, type ClusterOptions } from './cluster-options.js';
import { PostgresCluster } from './postgres-cluster.js';
import type { PostgresNode } from './postgres-node.js';
import type { ClusterPlan } from './server-cluster.js';
import type { Settings } from './server-settings.js';

/** Options of {@link startPostgresCluster}. */
export interface PostgresClusterOptions extends ClusterOptions, SiteOptions {}

/**
 * Starts a real PostgreSQL primary with streaming replicas on free ports of 127.0.0.1, in a temporary folder
 * (that of the system; TMPDIR=/dev/shm is the fastest place on Linux).
 * For tests: nothing survives a power cut, and everybody who can log in to this machine can log in to the servers.
 * Servers and folder vanish with `stop()`, and also when this process ends without it.
 *
 * @throws TestingError `ERR_TESTING_NO_BINARIES`, `ERR_TESTING_START`, `ERR_TESTING_BAD_OPTION` or
 * `ERR_TESTING_UNSUPPORTED`
 * @example
 * const cluster = await startPostgresCluster({ replicas: 2 });
 * const dataSource = new DataSource({ type: 'postgres', url: cluster.primary.url });
 */
export async function startPostgresCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  const plan = resolvePlan(options);
  const log = options.log ?? (() => undefined);
  await loadPg();
  const site = await openSite(options);
  const cluster = new PostgresCluster(site, plan);
  try {
    log(site.description);
    await createHomes(cluster, plan, options.settings ?? {});
    await cluster.primary.startOnFreePort();
    log(`primary accepts connections at ${cluster.primary.url}`);
    const starting = cluster.replicas.map((replica) => startReplica(cluster, replica, log));
    await Promise.all([createDatabase(cluster.primary, plan), ...starting]);
    await cluster.waitForReplication();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** The replicas' data are copies of the primary's, taken before its first start. */
async function createHomes(
  { primary, replicas }: PostgresCluster,
  { password }: ClusterPlan,
  settings: Settings,
): Promise<void> {
  const method = password === undefined ? 'trust' : 'scram-sha-256';
  await primary.home.create({ settings, method });
  await Promise.all(replicas.map(({ home }) => home.clone(primary.home)));
}

async function startReplica(
  { primary }: PostgresCluster,
  replica: PostgresNode,
  log: (line: string) => void,
): Promise<void> {
  await replica.home.makeStandby(primary, replica.name);
  await replica.startOnFreePort();
  log(`${replica.name} accepts connections at ${replica.url}`);
}

async function createDatabase(
  primary: PostgresNode,
  { database, role, password }: ClusterPlan,
): Promise<void> {
  const { escapeIdentifier, escapeLiteral } = await loadPg();
  const owner = escapeIdentifier(role);
  const secret = password === undefined ? '' : ` PASSWORD ${escapeLiteral(password)}`;
  await primary.control(`CREATE ROLE ${owner} LOGIN${secret}`);
  await primary.control(`CREATE DATABASE ${escapeIdentifier(database)} OWNER ${owner}`);
}
