import { resolvePlan, type ClusterOptions } from './cluster-options.js';
import { loadMysql2 } from './load-peer.js';
import { MariadbCluster } from './mariadb-cluster.js';
import { MariadbSite } from './mariadb-site.js';
import { quoteName, quoteText } from './mariadb-settings.js';
import type { MariadbNode } from './mariadb-node.js';
import type { ClusterPlan } from './server-cluster.js';
import type { Settings } from './server-settings.js';

/** Options of {@link startMariadbCluster}. */
export interface MariadbClusterOptions extends ClusterOptions {
  /**
   * Folder with a `mariadbd` of MariaDB 10.6 or newer.
   * Default: the environment variable MARIADB_BIN, else the server of this system, as packages install it.
   */
  binaries?: string;
  /** Whether replicas refuse writes of ordinary roles (the server's `read_only`, off by itself). Default true. */
  readOnly?: boolean;
  /**
   * Whether COMMIT waits until a replica has received the transaction (semi-synchronous replication), while one is
   * connected and for at most 10 seconds (`settings: { rpl_semi_sync_master_timeout: ms }`). Default false.
   */
  sync?: boolean;
}

/** For primaries and replicas alike, since each may become the other: without a replica, no COMMIT waits. */
const SYNC: Settings = {
  rpl_semi_sync_master_enabled: true,
  rpl_semi_sync_slave_enabled: true,
  rpl_semi_sync_master_wait_no_slave: false,
};

/**
 * Starts a real MariaDB primary with GTID replicas on free ports of 127.0.0.1, in a temporary folder (that of the
 * system; TMPDIR=/dev/shm is the fastest place on Linux). Needs a MariaDB server on this machine and the npm package
 * `mysql2`.
 * For tests: nothing survives a power cut, and everybody who can log in to this machine can log in to the servers.
 * Servers and folder vanish with `stop()`, and also when this process ends without it.
 *
 * @throws TestingError `ERR_TESTING_NO_BINARIES`, `ERR_TESTING_START`, `ERR_TESTING_BAD_OPTION` or
 * `ERR_TESTING_UNSUPPORTED`
 * @example
 * const cluster = await startMariadbCluster({ replicas: 2 });
 * const dataSource = new DataSource({ type: 'mysql', url: cluster.primary.url });
 */
export async function startMariadbCluster(options: MariadbClusterOptions = {}): Promise<MariadbCluster> {
  const plan = { ...resolvePlan(options), readOnly: options.readOnly ?? true };
  const log = options.log ?? (() => undefined);
  await loadMysql2();
  const settings = { ...(options.sync === true && SYNC), ...options.settings };
  const site = await MariadbSite.open(options.binaries, settings);
  const cluster = new MariadbCluster(site, plan);
  const start = async (node: MariadbNode): Promise<void> => {
    await node.startOnFreePort();
    log(`${node.name} accepts connections at ${node.url}`);
  };
  try {
    log(site.description);
    const { primary, replicas } = cluster;
    await primary.home.create();
    await Promise.all(replicas.map(({ home }) => home.clone(primary.home)));
    await start(primary);
    await Promise.all(replicas.map((replica) => replica.follow(primary)));
    await Promise.all([createDatabase(primary, plan), ...replicas.map(start)]);
    await cluster.waitForReplication();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function createDatabase(
  primary: MariadbNode,
  { database, role, password }: ClusterPlan,
): Promise<void> {
  const user = `${quoteText(role)}@'%'`;
  const secret = password === undefined ? '' : ` IDENTIFIED BY ${quoteText(password)}`;
  await primary.control(`CREATE DATABASE ${quoteName(database)}`);
  await primary.control(`CREATE USER ${user}${secret}`);
  // In a grant, the name of a database is a pattern.
  await primary.control(`GRANT ALL ON ${quoteName(database.replaceAll(/[\\%_]/g, '\\$&'))}.* TO ${user}`);
}
