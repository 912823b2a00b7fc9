import type { Carrier } from '../../tokens/carrier.js';
import type { OpenedToken } from '../../tokens/envelope.js';
import type { Position, Positions } from '../../position.js';
import { isAtOrAfter, type Token } from '../../tokens/token.js';
import type { Scope } from '../../context/scope.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { tellsPosition } from '../nodes/catch-up.js';
import type { Clock } from '../../clock.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import { hidesServers } from '../nodes/hidden-servers.js';
import type { TokenSink } from './token-sink.js';
import type { Topology } from '../nodes/topology.js';

/** What recording reads needs. */
export interface ReadRecorderDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly carriers: readonly Carrier[];
  readonly sink: TokenSink;
}

/**
 * Turns what units have read into tokens, so that their clients never read anything older afterwards. Does
 * nothing, at no cost, unless a carrier can pass such tokens on.
 */
export class ReadRecorder {
  readonly isAwake: boolean;

  constructor(private readonly deps: ReadRecorderDeps) {
    const { options, carriers } = deps;
    this.isAwake = options.consistency.monotonicReads && carriers.some(({ carriesReads }) => carriesReads);
  }

  /** Whether a position must be taken after the reads of a scope, which costs a query. */
  wantsPosition(scope: Scope | undefined, node: ClusterNode): scope is Scope {
    // Behind a pooler another server may answer: the position would not be that of the read.
    const isProvable = node.endpoint.kind !== 'per-transaction' || node === this.deps.topology.primary;
    if (!this.isAwake || !scope || !isProvable || this.deps.topology.replicas.length === 0) return false;
    return scope.unit.levelOr(this.deps.options.consistency.level) !== 'eventual' && tellsPosition(node);
  }

  /** Notes that nothing which the scope has read on `node` is later than `position`. */
  note(scope: Scope, node: ClusterNode, position: Position): void | Promise<void> {
    const { topology, positions, options, clock } = this.deps;
    if (node !== topology.primary && !hidesServers(node)) node.observer.noticePosition(position);
    const { systemId: clusterId = '', place } = topology.primary.snapshot;
    const token: Token = { clusterId, history: place.history, position, issuedAtMs: clock.now() };
    const work = scope.unit.on(options.name);
    if (this.isKnown(token, [...work.reads, ...work.writes.tokens])) return;
    if (this.isKnown(token, (work.incoming ?? []).flatMap(tokenIn))) return;
    work.addRead(token, positions);
    return this.deps.sink.read(scope.unit);
  }

  /** One that the client will keep for long enough says the same. */
  private isKnown(token: Token, known: readonly Token[]): boolean {
    const { options, positions } = this.deps;
    const youngMs = options.consistency.maxAgeMs / 2;
    return known.some(
      (one) => isAtOrAfter(one, token, positions) && token.issuedAtMs - one.issuedAtMs < youngMs,
    );
  }
}

function tokenIn(opened: OpenedToken): readonly Token[] {
  return opened.kind === 'token' ? [opened.token] : [];
}
