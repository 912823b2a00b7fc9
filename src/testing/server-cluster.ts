import type { FaultyCluster, FaultyNode } from './faulty-cluster.js';
import type { ClusterSite } from './server-home.js';
import type { NodeIdentity, ServerNode } from './server-node.js';
import { TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';

/** What all nodes have in common, and how many there are. */
export type ClusterPlan = Omit<NodeIdentity, 'name'> & { replicas: number };

/** A running primary and its replicas, of whichever database. */
export abstract class ServerCluster<Node extends ServerNode & FaultyNode> implements FaultyCluster {
  /** The node that was the primary at the start. After a `promote()` it keeps this place. */
  readonly primary: Node;
  readonly #replicas: Node[];
  readonly #site: ClusterSite;
  readonly #createNode: (name: string) => Node;
  #stopping: Promise<void> | undefined;

  /** @internal */
  constructor(site: ClusterSite, replicas: number, createNode: (name: string) => Node) {
    this.#site = site;
    this.#createNode = createNode;
    this.primary = createNode('primary');
    this.#replicas = Array.from({ length: replicas }, (_, index) => createNode(`replica-${index + 1}`));
  }

  /** The nodes that were replicas at the start, and those added since. */
  get replicas(): readonly Node[] {
    return this.#replicas;
  }

  /** All nodes. */
  get nodes(): readonly Node[] {
    return [this.primary, ...this.#replicas];
  }

  /**
   * Waits until every running replica whose replay is not paused has applied what the acting primary (after a
   * failover: the one that was promoted last) had written when this was called. An apply delay is waited for.
   *
   * @throws TestingError `ERR_TESTING_TIMEOUT`, naming the nodes that are behind, after `timeoutMs` (default 10,000);
   * `ERR_TESTING_NODE_STATE` if no node accepts writes
   */
  async waitForReplication(options: { timeoutMs?: number } = {}): Promise<void> {
    const findBehind = await this.markHead();
    await waitUntil(
      async () => {
        const behind = await findBehind();
        if (behind.length > 0) throw new Error(`${behind.join(', ')} still behind`);
        return true;
      },
      { ...options, intervalMs: 2, message: 'replication to catch up' },
    );
  }

  /** Adds a replica of the acting primary and waits until it accepts connections. */
  async addReplica(): Promise<Node> {
    const source = await this.actingPrimary();
    const replica = this.#createNode(`replica-${this.#replicas.length + 1}`);
    this.#replicas.push(replica);
    await this.copy(source, replica);
    await replica.startOnFreePort();
    return replica;
  }

  /**
   * Replaces the data of `node` by those of the acting primary and starts it as a replica, on its old port.
   * For an old primary which has written what the new one does not have.
   */
  async rebuild(node: Node): Promise<void> {
    await node.stop('immediate');
    await this.copy(await this.actingPrimary(), node);
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

  /** Makes `target`, which does not run, a replica of `source` from its next start on. */
  protected abstract copy(source: Node, target: Node): Promise<void>;

  /** The running node that accepts writes; of two, the one that was promoted last. */
  protected abstract findPrimary(): Promise<Node | undefined>;

  /** Marks what the acting primary has written. The answer tells which replicas lack some of it. */
  protected abstract markHead(): Promise<() => Promise<string[]>>;

  protected async actingPrimary(): Promise<Node> {
    const primary = await this.findPrimary();
    if (primary !== undefined) return primary;
    const states = this.nodes.map((node) => `${node.name} ${node.state}`).join(', ');
    throw new TestingError(
      'ERR_TESTING_NODE_STATE',
      `No running node accepts writes (${states}). start() the primary or promote() a replica first.`,
    );
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
