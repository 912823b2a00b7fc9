import { hasReached, mergeKnown, type Position, type Positions } from '../../position.js';
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
  private readonly known = new WeakMap<object, Position>();

  constructor(
    private readonly topology: Topology,
    private readonly positions: Positions,
    private readonly ask: (connection: unknown) => Promise<Position | undefined>,
  ) {}

  /** Whether the connection may read what the lease is for. */
  async isFreshEnough({ node, route, required }: Lease, connection: unknown): Promise<boolean> {
    if (route.role === 'primary') return true;
    if (node.endpoint.kind === 'per-transaction') return required === undefined;
    const wanted = mergeKnown(this.positions, required, this.topology.terms.floor);
    if (wanted === undefined) return true;
    const key = connection as object;
    if (hasReached(this.positions, this.known.get(key), wanted)) return true;
    const position = await this.ask(connection);
    if (position === undefined) return false;
    this.known.set(key, position);
    return this.positions.covers(position, wanted);
  }
}
