import type { RequirementContext } from '../../tokens/requirement.js';
import type { ResolvedConsistency, ResolvedNode } from '../../options/resolved-options.js';
import type { RouteTerms } from '../../routing/route-input.js';
import type { KnownSnapshot } from '../../routing/node-snapshot.js';
import type { Role } from '../../routing/route.js';
import type { ClusterNode } from './cluster-node.js';

/** Which nodes there are, and which of them is the primary. */
export class Topology {
  /** The first that is added has to be it. */
  primary!: ClusterNode;
  /** All nodes but the primary. The array is replaced, never changed. */
  replicas: readonly ClusterNode[] = [];
  /** Replicas that are being removed: nothing new reads them. */
  draining: readonly ClusterNode[] = [];
  /** Names of the groups that nodes are, or were, in. */
  readonly groups = new Set<string>();
  /** The same of all clusters of the application. */
  knownGroups = new Set<string>();
  /** The node whose writable pool is the routed DataSource's own; `undefined`: that has started on a replica. */
  own: ResolvedNode | undefined;

  /** `primaryName`: of the node that is the primary at first; `terms`: for `decideRoute`, its floor is set at start-up. */
  constructor(
    private primaryName: string,
    public terms: RouteTerms,
  ) {}

  /**
   * What tokens are judged by. Right after a failover it is not known yet which replicas have replayed what the new
   * primary never had, so that for `pinMs` their positions prove nothing.
   */
  requirementContext(nowMs: number, { pinMs, maxAgeMs }: ResolvedConsistency): RequirementContext {
    const { systemId, history, firstHead, flushed, historySinceMs = -Infinity } = this.primary.observer.facts;
    const settledAtMs = historySinceMs + pinMs;
    return {
      clusterId: systemId,
      history,
      firstHead,
      flushed,
      settledAtMs: settledAtMs > nowMs ? settledAtMs : undefined,
      positions: this.terms.positions,
      nowMs,
      maxAgeMs,
    };
  }

  get nodes(): readonly ClusterNode[] {
    return [this.primary, ...this.replicas];
  }

  /** Those that are being removed included. */
  get allNodes(): readonly ClusterNode[] {
    return [...this.nodes, ...this.draining];
  }

  get snapshots(): readonly KnownSnapshot[] {
    return this.allNodes.map(({ snapshot }) => snapshot);
  }

  roleOf(name: string): Role {
    return name === this.primaryName ? 'primary' : 'replica';
  }

  add(node: ClusterNode): void {
    const { group } = node.settings;
    if (group !== undefined) for (const known of [this.groups, this.knownGroups]) known.add(group);
    if (node.name === this.primaryName) this.primary = node;
    else this.replicas = [...this.replicas, node];
  }

  /** `known` is of the whole application, and has those of this cluster from now on. */
  shareGroups(known: Set<string>): void {
    for (const group of this.groups) known.add(group);
    this.knownGroups = known;
  }

  /** Nothing new reads the replica from now on. */
  drain(node: ClusterNode): void {
    this.replicas = this.replicas.filter((other) => other !== node);
    this.draining = [...this.draining, node];
  }

  /** A replica that was drained is gone. */
  remove(node: ClusterNode): void {
    this.draining = this.draining.filter((other) => other !== node);
  }

  /** Replaces every node by a fresh one of the same settings. */
  renew(createNode: (settings: ResolvedNode) => ClusterNode): void {
    this.primary = createNode(this.primary.settings);
    this.replicas = this.replicas.map(({ settings }) => createNode(settings));
  }

  /** Writes go to `node` from now on; the former primary is a node like the others. */
  makePrimary(node: ClusterNode): void {
    const former = this.primary;
    this.primaryName = node.name;
    this.primary = node;
    this.replicas = [former, ...this.replicas.filter((other) => other !== node)];
  }
}
