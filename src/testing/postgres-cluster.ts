import type { FaultyCluster } from './faulty-cluster.js';
import { PostgresNode } from './postgres-node.js';
import type { NodeIdentity } from './postgres-server.js';
import { flush, readPosition, type NodePosition } from './replay-position.js';
import type { Site } from './server-home.js';
import { TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';

/** What all nodes have in common, and how many there are. */
export type ClusterPlan = Omit<NodeIdentity, 'name'> & { replicas: number };

/**
 * A running primary and its streaming replicas, with the verbs of a `FaultyCluster`.
 *
 * @example
 * const cluster = await startPostgresCluster({ replicas: 2 });
 * await cluster.stop();
 */
export class PostgresCluster implements FaultyCluster {
  /** The node that was the primary at the start. After a `promote()` it keeps this place. */
  readonly primary: PostgresNode;
  readonly #replicas: PostgresNode[];
  readonly #site: Site;
  readonly #createNode: (name: string) => PostgresNode;
  #stopping: Promise<void> | undefined;

  /** @internal Clusters are made by `startPostgresCluster`. */
  constructor(site: Site, plan: ClusterPlan) {
    this.#site = site;
    this.#createNode = (name) => new PostgresNode(site, { ...plan, name });
    this.primary = this.#createNode('primary');
    this.#replicas = Array.from({ length: plan.replicas }, (_, index) =>
      this.#createNode(`replica-${index + 1}`),
    );
  }

  /** The nodes that were replicas at the start, and those added since. */
  get replicas(): readonly PostgresNode[] {
    return this.#replicas;
  }

  /** All nodes. */
  get nodes(): readonly PostgresNode[] {
    return [this.primary, ...this.#replicas];
  }

  /**
   * Waits until every running standby whose replay is not paused has applied what the acting primary (after a
   * failover: the one on the newest timeline) had written when this was called. An apply delay is waited for.
   *
   * @throws TestingError `ERR_TESTING_TIMEOUT`, naming the nodes that are behind, after `timeoutMs` (default 10,000);
   * `ERR_TESTING_NODE_STATE` if no node accepts writes
   */
  async waitForReplication(options: { timeoutMs?: number } = {}): Promise<void> {
    const { node } = await this.#actingPrimary();
    const position = await flush(node);
    await waitUntil(
      async () => {
        const standbys = (await this.#positions()).filter((at) => at.isStandby && !at.isPaused);
        const behind = standbys.filter((at) => at.replayed < position).map((at) => at.node.name);
        if (behind.length > 0) throw new Error(`${behind.join(', ')} still behind`);
        return true;
      },
      { ...options, intervalMs: 2, message: 'replication to catch up' },
    );
  }

  /** Adds a replica of the acting primary, by a copy of its data, and waits until it accepts connections. */
  async addReplica(): Promise<PostgresNode> {
    const { node: source } = await this.#actingPrimary();
    const replica = this.#createNode(`replica-${this.#replicas.length + 1}`);
    this.#replicas.push(replica);
    await this.#copy(source, replica);
    await replica.startOnFreePort();
    return replica;
  }

  /**
   * Replaces the data of `node` by a copy of the acting primary's and starts it as a replica, on its old port.
   * For an old primary which has written what the new one does not have.
   */
  async rebuild(node: PostgresNode): Promise<void> {
    await node.stop('immediate');
    const { node: source } = await this.#actingPrimary();
    await this.#copy(source, node);
    await node.start();
  }

  /** Stops all nodes and proxies and removes the temporary folder. Later calls wait for the first one. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce();
    return this.#stopping;
  }

  /** The same as {@link stop}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #copy(source: PostgresNode, target: PostgresNode): Promise<void> {
    await target.home.backUp(source);
    await target.home.makeStandby(source, target.name);
  }

  async #actingPrimary(): Promise<NodePosition> {
    const writable = (await this.#positions()).filter((at) => !at.isStandby);
    const [newest] = writable.sort((a, b) => b.timeline - a.timeline);
    if (newest !== undefined) return newest;
    const states = this.nodes.map((node) => `${node.name} ${node.state}`).join(', ');
    throw new TestingError(
      'ERR_TESTING_NODE_STATE',
      `No running node accepts writes (${states}). start() the primary or promote() a replica first.`,
    );
  }

  #positions(): Promise<NodePosition[]> {
    return Promise.all(this.nodes.filter((node) => node.state === 'running').map(readPosition));
  }

  async #stopOnce(): Promise<void> {
    try {
      await Promise.all(this.nodes.map((node) => node.closeProxies()));
      await Promise.all(this.nodes.map((node) => node.stop('immediate')));
    } finally {
      await this.#site.close();
    }
  }
}
