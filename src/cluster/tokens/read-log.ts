import type { Carrier } from '../../tokens/carrier.js';
import type { OpenedToken } from '../../tokens/envelope.js';
import type { Token } from '../../tokens/token.js';
import { levelOf } from '../../context/consistency-level.js';
import type { Scope } from '../../context/scope.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { tellsPosition } from '../nodes/catch-up.js';
import type { Clock } from '../../clock.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import { hidesServers } from '../nodes/hidden-servers.js';
import type { TokenSink } from './token-sink.js';
import type { Topology } from '../nodes/topology.js';

/** What a read log needs. */
export interface ReadLogParts {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly carriers: readonly Carrier[];
  readonly sink: TokenSink;
}

/**
 * Turns what units have read into tokens, so that their clients never read anything older afterwards. Asleep, at no
 * cost, unless a carrier can pass such tokens on.
 */
export class ReadLog {
  private readonly isAwake: boolean;

  constructor(private readonly parts: ReadLogParts) {
    const { options, carriers } = parts;
    this.isAwake = options.consistency.monotonicReads && carriers.some(({ carriesReads }) => carriesReads);
  }

  /** Whether a position must be taken behind the reads of a scope, which costs a query. */
  wantsPosition(scope: Scope | undefined, node: ClusterNode): scope is Scope {
    // Behind a pooler another server may answer: the position would not be that of the read.
    const isProvable = node.endpoint.kind !== 'per-transaction' || node === this.parts.topology.primary;
    if (!this.isAwake || !scope || !isProvable || this.parts.topology.replicas.length === 0) return false;
    return levelOf(scope.unit, this.parts.options.consistency.level) !== 'eventual' && tellsPosition(node);
  }

  /** Notes that nothing which the scope has read on `node` lies behind `position`. */
  note(scope: Scope, node: ClusterNode, position: bigint): void | Promise<void> {
    const { topology, options, clock } = this.parts;
    if (node !== topology.primary && !hidesServers(node)) node.observer.noticePosition(position);
    const { systemId: clusterId = '', timeline = 0 } = topology.primary.snapshot;
    const token: Token = { clusterId, timeline, position, issuedAtMs: clock.now() };
    const work = scope.unit.on(options.name);
    if (this.isKnown(token, [...work.reads, ...work.written])) return;
    if (this.isKnown(token, (work.incoming ?? []).flatMap(tokenIn))) return;
    work.addRead(token);
    return this.parts.sink.read(scope.unit);
  }

  /** One that the client will keep for long enough says the same. */
  private isKnown(token: Token, known: readonly Token[]): boolean {
    const youngMs = this.parts.options.consistency.maxAgeMs / 2;
    return known.some(
      ({ position, timeline, clusterId, issuedAtMs }) =>
        position !== undefined &&
        position >= (token.position ?? 0n) &&
        timeline === token.timeline &&
        clusterId === token.clusterId &&
        token.issuedAtMs - issuedAtMs < youngMs,
    );
  }
}

function tokenIn(opened: OpenedToken): readonly Token[] {
  return opened.kind === 'token' ? [opened.token] : [];
}
