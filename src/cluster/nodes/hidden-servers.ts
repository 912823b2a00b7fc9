import { Divergence } from '../../health/divergence.js';
import { nextInSequence } from '../../health/probe-loop.js';
import { hasReached, mergeKnown, type History, type Position, type Positions } from '../../position.js';
import type { Engine } from '../../engine.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { ClusterNode } from './cluster-node.js';
import type { Lease } from './lease.js';
import type { Topology } from './topology.js';

/** Whether several servers may stand behind a node's address. */
export function hidesServers({ endpoint }: ClusterNode): boolean {
  return endpoint.kind !== 'server';
}

/** What asking connections needs. */
export interface HiddenServersDeps {
  readonly topology: Topology;
  readonly positions: Positions;
  readonly engine: Pick<Engine, 'readPosition' | 'serverOf'>;
  readonly events: ClusterEmitter;
}

/** What the server of a connection had replayed at least, and on which history of the primary. */
interface Known {
  readonly position: Position;
  readonly history: History | undefined;
}

/**
 * Asks connections themselves what the servers behind them have replayed, where the address does not tell: replay only moves
 * forward. The monitor sees one of these servers, so that connections also find out which have diverged.
 */
export class HiddenServers {
  private readonly known = new WeakMap<object, Known>();
  private readonly ofServers = new Map<string, Divergence>();
  private readonly ofConnections = new WeakMap<object, Divergence>();
  private readonly told = new WeakSet<Divergence>();

  constructor(private readonly deps: HiddenServersDeps) {}

  /** Whether the connection may read what the lease is for. Rejects when its server has diverged: another one is to be asked. */
  async isFreshEnough({ node, route, required }: Lease, connection: unknown): Promise<boolean> {
    if (route.role === 'primary') return true;
    if (node.endpoint.kind === 'per-transaction') return required === undefined;
    const { topology, positions } = this.deps;
    const wanted = mergeKnown(positions, required, topology.terms.floor);
    if (wanted === undefined) return true;
    const position = await this.positionOf(connection as object, wanted);
    if (position === undefined) return false;
    const divergence = this.divergenceOf(connection as object);
    if (this.hasDiverged(position, divergence, node.name))
      throw new Error('The server of this connection has replayed what the primary never had.');
    const { observer } = topology.primary;
    // At the positions that it has, the primary may have something else.
    if (!divergence.isSettled(observer.facts)) {
      void observer.hint();
      return false;
    }
    return positions.covers(position, wanted);
  }

  /** What is known serves while it is enough, and the primary is the same: after a failover it may be of what that never had. */
  private async positionOf(connection: object, wanted: Position): Promise<Position | undefined> {
    const { topology, positions, engine } = this.deps;
    const { history } = topology.primary.observer.facts;
    const known = this.known.get(connection);
    if (known?.history === history && hasReached(positions, known?.position, wanted)) return known?.position;
    const position = await engine.readPosition(connection);
    if (position !== undefined) this.known.set(connection, { position, history });
    return position;
  }

  private hasDiverged(position: Position, divergence: Divergence, node: string): boolean {
    const { facts } = this.deps.topology.primary.observer;
    if (!divergence.judge({ role: 'replica', position }, facts, nextInSequence())) return false;
    if (!this.told.has(divergence)) this.deps.events.emit('promiseWeakened', { node, detail: DIVERGED });
    this.told.add(divergence);
    return true;
  }

  private divergenceOf(connection: object): Divergence {
    const server = this.deps.engine.serverOf?.(connection);
    const known = server === undefined ? this.ofConnections.get(connection) : this.ofServers.get(server);
    if (known) return known;
    const made = new Divergence(this.deps.positions);
    if (server === undefined) this.ofConnections.set(connection, made);
    else this.ofServers.set(server, made);
    const [oldest] = this.ofServers.keys();
    if (this.ofServers.size > MAX_SERVERS && oldest !== undefined) this.ofServers.delete(oldest);
    return made;
  }
}

/** One that is started again is another. */
const MAX_SERVERS = 100;

const DIVERGED =
  'Of the servers behind its address one has replayed what the primary never had, so that nothing is read there. Rebuild that one';
