import {
  startMariadbCluster,
  startPostgresCluster,
  type MariadbNode,
  type PostgresNode,
} from 'nestjs-replicated/testing';
import { BreakableNode } from './breakable-node.js';
import type { Database } from './database.js';

type Log = (line: string) => void;

/**
 * The cluster of PRIMARY_URL and REPLICA_URLS (comma separated), or an embedded one of ENGINE if there is no
 * PRIMARY_URL.
 */
export function openDatabase(env: NodeJS.ProcessEnv, log: Log): Database | Promise<Database> {
  const { PRIMARY_URL: primaryUrl, REPLICA_URLS = '', ENGINE } = env;
  if (!primaryUrl) return startEmbeddedDatabase(engineOf(ENGINE), log);
  const replicaUrls = REPLICA_URLS.split(',').flatMap((url) => url.trim() || []);
  log(`Using the cluster of PRIMARY_URL, with ${replicaUrls.length} replicas of REPLICA_URLS`);
  return { primaryUrl, replicaUrls, breakable: [], stop: () => Promise.resolve() };
}

const EMBEDDED = {
  postgres: { name: 'PostgreSQL', startCluster: startPostgresCluster },
  mariadb: { name: 'MariaDB', startCluster: startMariadbCluster },
} as const;

export type EmbeddedEngine = keyof typeof EMBEDDED;

function engineOf(text: string | undefined): EmbeddedEngine {
  if (!text) return 'postgres';
  if (Object.hasOwn(EMBEDDED, text)) return text as EmbeddedEngine;
  throw new Error(`ENGINE: expected ${Object.keys(EMBEDDED).join(' or ')}, got '${text}'.`);
}

/** One primary and two replicas, each behind a TCP proxy. */
export async function startEmbeddedDatabase(engine: EmbeddedEngine, log?: Log): Promise<Database> {
  const { name, startCluster } = EMBEDDED[engine];
  log?.(`Starting a ${name} cluster of our own (one primary, two replicas) ...`);
  const cluster = await startCluster({ replicas: 2, ...(log && { log }) });
  const [primary, ...replicas] = await Promise.all([cluster.primary, ...cluster.replicas].map(breakable));
  if (primary === undefined) throw new Error('A cluster has a primary.');
  return {
    primaryUrl: primary.url,
    replicaUrls: replicas.map((replica) => replica.url),
    breakable: [primary, ...replicas],
    stop: () => cluster.stop(),
  };
}

async function breakable(node: PostgresNode | MariadbNode): Promise<BreakableNode> {
  return new BreakableNode(node, await node.proxy());
}
