import type { RoutePolicy } from '../routing/decide-route.js';
import type { NodeSnapshot } from '../routing/node-snapshot.js';
import type { ClusterNode } from './cluster-node.js';

/** Which nodes there are and which of them is the primary. Replaced as a whole by whoever changes it. */
export class Topology {
  /** All nodes but the primary. The array is replaced, never changed. */
  replicas: readonly ClusterNode[];
  /** For `decideRoute`; its floor is set at start-up. */
  policy: RoutePolicy;

  constructor(
    public primary: ClusterNode,
    replicas: readonly ClusterNode[],
    policy: RoutePolicy,
  ) {
    this.replicas = replicas;
    this.policy = policy;
  }

  get nodes(): readonly ClusterNode[] {
    return [this.primary, ...this.replicas];
  }

  get snapshots(): readonly NodeSnapshot[] {
    return this.nodes.map(({ snapshot }) => snapshot);
  }

  find(name: string): ClusterNode | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  add(node: ClusterNode): void {
    this.replicas = [...this.replicas, node];
  }

  remove(node: ClusterNode): void {
    this.replicas = this.replicas.filter((other) => other !== node);
  }

  /** Writes go to `node` from now on; the former primary is a node like the others. */
  promote(node: ClusterNode): void {
    const former = this.primary;
    this.primary = node;
    this.replicas = [former, ...this.replicas.filter((other) => other !== node)];
  }
}
