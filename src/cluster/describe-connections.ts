import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ClusterNode } from './nodes/cluster-node.js';
import type { Topology } from './nodes/topology.js';

/** The monitor's. */
const PROBE = 1;

/**
 * A line for the log with the most connections that this process may hold on each node: multiplied by the number of
 * instances they must fit into its `max_connections`.
 */
export function describeConnections(
  { primary, nodes }: Pick<Topology, 'primary' | 'nodes'>,
  options: Pick<ResolvedOptions, 'routing' | 'cluster'>,
): string {
  const counts = nodes.map((node) => `${node.name} ${maxConnections(node, node === primary, options)}`);
  return `This process opens at most so many connections: ${counts.join(', ')}.`;
}

function maxConnections(
  node: ClusterNode,
  isPrimary: boolean,
  { routing, cluster }: Pick<ResolvedOptions, 'routing' | 'cluster'>,
): number {
  const [writing, reading] = [node.pools.writable.size, node.pools['read-only'].size];
  // Around a promotion a node may hold connections of both kinds.
  if (cluster.failover === 'follow') return writing + reading + PROBE;
  return PROBE + (isPrimary ? writing + Math.min(reading, routing.primaryFallbackMax) : reading);
}
