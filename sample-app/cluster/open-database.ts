import { startPostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { BreakableNode } from './breakable-node.js';
import type { Database } from './database.js';

/** The cluster of PRIMARY_URL and REPLICA_URLS (comma separated), or an embedded one if there is no PRIMARY_URL. */
export function openDatabase(
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Database | Promise<Database> {
  const { PRIMARY_URL: primaryUrl, REPLICA_URLS = '' } = env;
  if (!primaryUrl) return startEmbeddedDatabase(log);
  const replicaUrls = REPLICA_URLS.split(',').flatMap((url) => url.trim() || []);
  log(`Using the cluster of PRIMARY_URL, with ${replicaUrls.length} replicas of REPLICA_URLS`);
  return { primaryUrl, replicaUrls, breakable: [], stop: () => Promise.resolve() };
}

/** One primary and two replicas, each behind a TCP proxy. */
export async function startEmbeddedDatabase(log?: (line: string) => void): Promise<Database> {
  log?.('Starting an embedded PostgreSQL cluster (initdb, one primary, two replicas) ...');
  const cluster = await startPostgresCluster({ replicas: 2, ...(log && { log }) });
  const [primary, ...replicas] = await Promise.all([cluster.primary, ...cluster.replicas].map(breakable));
  if (primary === undefined) throw new Error('A cluster has a primary.');
  return {
    primaryUrl: primary.url,
    replicaUrls: replicas.map((replica) => replica.url),
    breakable: [primary, ...replicas],
    stop: () => cluster.stop(),
  };
}

async function breakable(node: PostgresNode): Promise<BreakableNode> {
  return new BreakableNode(node, await node.proxy());
}
