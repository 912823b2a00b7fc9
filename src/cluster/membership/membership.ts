import { InvalidOptionsError, UsageError } from '../../errors.js';
import { describeValue } from '../../options/describe-value.js';
import type { AddedReplica } from '../../options/resolve-options.js';
import { isRouted, type ResolvedNode, type ResolvedOptions } from '../../options/resolved-options.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import type { Topology } from '../nodes/topology.js';
import { DRAIN_MS, type NodeWatch } from '../watch/node-watch.js';

/** Checks what the user wrote of a new replica, among the nodes there are, and fills in the defaults. */
export type ResolveReplica = (replica: Omit<AddedReplica, 'options'>) => ResolvedNode;

/** Options of `ReplicationCluster.removeReplica`. */
export interface RemoveReplicaOptions {
  /** How long the queries that run on it may take, in ms. @default 10000 */
  readonly drainMs?: number;
}

/** What a membership is made of. */
export interface MembershipDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly events: ClusterEmitter;
  readonly watch: NodeWatch;
  readonly resolveReplica: ResolveReplica;
  /** `host:port/database`: two with the same are one server. */
  readonly addressOf: (node: ResolvedNode) => string;
  readonly createNode: (settings: ResolvedNode) => ClusterNode;
}

/** Which replicas belong to a cluster while it runs. */
export class Membership {
  private isRunning = false;
  private readonly removals = new Set<Promise<void>>();

  constructor(private readonly deps: MembershipDeps) {}

  /** Replicas may come and go from now on. */
  open(): void {
    this.isRunning = true;
  }

  /** None may come any more. */
  close(): void {
    this.isRunning = false;
  }

  /** Those that were being removed are gone. */
  async removed(): Promise<void> {
    await Promise.all(this.removals);
  }

  get addressOf(): MembershipDeps['addressOf'] {
    return this.deps.addressOf;
  }

  /** What the replica would be as a node, whatever nodes there are. */
  read(added: unknown): ResolvedNode {
    return this.deps.resolveReplica({ added, nodes: [], leaving: new Set() });
  }

  /** Resolves after the first look at it. */
  async add(replica: unknown): Promise<void> {
    const { options, topology, events, watch, createNode, resolveReplica } = this.deps;
    const { name } = options;
    if (!isRouted(options)) throw new UsageError(NOTHING_TO_ADD_TO(name));
    if (!this.isRunning)
      throw new UsageError(`Cluster "${name}" is not running: nothing can be added to it.`);
    const nodes = topology.nodes.map(({ settings }) => settings);
    const leaving = new Set(topology.draining.map(({ name: one }) => one));
    const node = createNode(resolveReplica({ added: replica, nodes, leaving }));
    topology.add(node);
    events.emit('replicaAdded', { node: node.name });
    await watch.startAnother(node);
  }

  /** Resolves when it is gone. */
  async remove(name: string, { drainMs = DRAIN_MS }: RemoveReplicaOptions = {}): Promise<void> {
    const { options, topology, events, watch } = this.deps;
    if (!(drainMs >= 0 && drainMs < Infinity))
      throw new InvalidOptionsError([{ path: 'drainMs', message: NO_TIME(drainMs) }]);
    const node = topology.replicas.find((replica) => replica.name === name);
    if (!node)
      throw new UsageError(`Cluster "${options.name}" has no replica "${name}". ${listNames(topology)}`);
    topology.drain(node);
    const removal = watch
      .drain(node, drainMs)
      .then(() => node.close())
      .finally(() => topology.remove(node));
    this.removals.add(removal);
    await removal.finally(() => this.removals.delete(removal));
    events.emit('replicaRemoved', { node: name });
  }
}

const NOTHING_TO_ADD_TO = (name: string): string =>
  `Cluster "${name}" was started without replicas, and routes nothing. Start the application with at least one replica in its options, or with cluster.discover.`;

const NO_TIME = (given: unknown): string => `expected a time in ms, 0 or more, got ${describeValue(given)}.`;

function listNames({ replicas, draining }: Topology): string {
  const names = replicas.map(({ name }) => name);
  const leaving = draining.map(({ name }) => `${name} (being removed)`);
  return names.length + leaving.length === 0
    ? 'It has none.'
    : `Its replicas: ${[...names, ...leaving].join(', ')}.`;
}
