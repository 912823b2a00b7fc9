import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ClusterNode } from './cluster-node.js';
import type { Topology } from './topology.js';

/** The monitor's. */
const PROBE = 1;

/**
 * The most connections that this process may hold on a node: its pools and the monitor's one. Of the primary's read-only
 * pool only as many are taken as reads may fall back at a time.
 */
export function maxConnections(
  node: ClusterNode,
  { isPrimary, fallbackMax }: { readonly isPrimary: boolean; readonly fallbackMax: number },
): number {
  const reading = node.pool('read-only').size;
  if (!isPrimary) return reading + PROBE;
  return node.pool('writable').size + Math.min(reading, fallbackMax) + PROBE;
}

/** A line for the log: multiplied by the number of instances it must fit into each server's `max_connections`. */
export function describeConnections(
  { primary, nodes }: Pick<Topology, 'primary' | 'nodes'>,
  { routing, cluster }: ResolvedOptions,
): string {
  const fallbackMax = routing.primaryFallbackMax;
  const counts = nodes.map((node) => {
    const isPrimary = node === primary || cluster.failover === 'follow';
    return `${node.name} ${maxConnections(node, { isPrimary, fallbackMax })}`;
  });
  return `This process opens at most so many connections: ${counts.join(', ')}.`;
}
