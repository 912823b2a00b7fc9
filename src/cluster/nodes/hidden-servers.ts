import { higher } from '../../tokens/requirement.js';
import type { ClusterNode } from './cluster-node.js';
import type { Lease } from './lease.js';
import type { Topology } from './topology.js';

/** Whether several servers may stand behind a node's address. */
export function hidesServers({ endpoint }: ClusterNode): boolean {
  return endpoint.kind !== 'server';
}

/** Asks connections themselves what the servers behind them have replayed, where the address does not tell. */
export class HiddenServers {
  /** What the server of a connection has replayed at least: replay only moves forward. */
  private readonly known = new WeakMap<object, bigint>();

  constructor(
    private readonly topology: Topology,
    private readonly ask: (connection: unknown) => Promise<bigint | undefined>,
  ) {}

  /** Whether the connection may read what the lease is for. */
  async isFreshEnough({ node, route, required }: Lease, connection: unknown): Promise<boolean> {
    if (route.role === 'primary') return true;
    if (node.endpoint.kind === 'per-transaction') return required === undefined;
    const wanted = higher(required, this.topology.policy.floor);
    if (wanted === undefined) return true;
    const key = connection as object;
    if ((this.known.get(key) ?? -1n) >= wanted) return true;
    const position = await this.ask(connection);
    if (position === undefined) return false;
    this.known.set(key, position);
    return position >= wanted;
  }
}
