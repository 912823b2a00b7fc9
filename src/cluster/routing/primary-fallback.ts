import { NoReplicaAvailableError, PrimaryUnavailableError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { NodeState } from '../../routing/node-snapshot.js';
import type { Reason } from '../../routing/route.js';
import { canServe } from '../../routing/narrow-replicas.js';
import type { Clock } from '../../clock.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import { Turns, type EndTurn } from './semaphore.js';
import type { Topology } from '../nodes/topology.js';

/** What the fall-back of reads is made of. */
export interface PrimaryFallbackParts {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly clock: Clock;
}

type Candidates = readonly [ClusterNode, ...ClusterNode[]];

/** Reads that no replica may serve: what of the primary they get, so that writes keep their share. */
export class PrimaryFallback {
  private readonly turns: Turns;

  constructor(private readonly parts: PrimaryFallbackParts) {
    const { options, clock } = parts;
    const { primaryFallbackMax } = options.routing;
    this.turns = new Turns({
      max: Math.max(1, primaryFallbackMax),
      maxWaitMs: options.monitor.connectTimeoutMs,
      clock,
    });
  }

  /**
   * The primary, or with `whenPrimaryDown: 'stale'` the replicas that serve in its place.
   *
   * @throws PrimaryUnavailableError, NoReplicaAvailableError
   */
  serverFor(reason: Reason, failed: ReadonlySet<string> | undefined): 'primary' | Candidates {
    const { topology, options } = this.parts;
    const { primary } = topology;
    if (isDown(primary) || failed?.has(primary.name)) {
      const stale = options.cluster.whenPrimaryDown === 'stale' ? this.answering(failed) : [];
      if (isNonEmpty(stale)) return stale;
      throw primaryDown(options.name, primary);
    }
    if (options.routing.primaryFallbackMax === 0 && topology.replicas.length > 0)
      throw forbidden(options.name, reason);
    return 'primary';
  }

  /** A turn on the primary. @throws NoReplicaAvailableError when none is free in time. */
  takeTurn(): EndTurn | Promise<EndTurn> {
    const turn = this.turns.take();
    return turn instanceof Promise ? turn.then((end) => end ?? this.giveUp()) : turn;
  }

  private giveUp(): never {
    const { name, routing, monitor } = this.parts.options;
    throw new NoReplicaAvailableError(
      `No replica of cluster "${name}" can serve this read, and all ${routing.primaryFallbackMax} reads that the primary may serve at a time were under way for ${monitor.connectTimeoutMs} ms. ` +
        'Raise routing.primaryFallback.maxConcurrent, or bring replicas back.',
    );
  }

  private answering(failed: ReadonlySet<string> | undefined): readonly ClusterNode[] {
    return this.parts.topology.replicas.filter(
      ({ name, snapshot }) => canServe(snapshot) && !failed?.has(name),
    );
  }
}

/** Whether the primary is known to take no writes. */
export function isDown({ snapshot }: ClusterNode): boolean {
  return DOWN.has(snapshot.state);
}

/** What a caller is told who needs the primary. */
export function primaryDown(cluster: string, { name, snapshot }: ClusterNode): PrimaryUnavailableError {
  return new PrimaryUnavailableError(
    `The primary "${name}" of cluster "${cluster}" cannot be used now (${snapshot.detail ?? 'no answer'}). Nothing was sent; try again when it is back.`,
  );
}

function forbidden(cluster: string, reason: Reason): NoReplicaAvailableError {
  return new NoReplicaAvailableError(
    `No replica of cluster "${cluster}" can serve this read (${reason}), and routing.primaryFallback is false. Allow it with routing.primaryFallback: { maxConcurrent: n }, or add replicas.`,
  );
}

function isNonEmpty(nodes: readonly ClusterNode[]): nodes is Candidates {
  return nodes.length > 0;
}

const DOWN: ReadonlySet<NodeState> = new Set(['unreachable', 'is-replica']);
