import type { PostgresNode } from './postgres-node.js';
import { readPosition } from './replay-position.js';
import { waitUntil } from './wait-until.js';
import type { Workspace } from './workspace.js';

/**
 * A running primary and its streaming replicas.
 *
 * @example
 * const cluster = await startPostgresCluster({ replicas: 2 });
 * await cluster.stop();
 */
export class PostgresCluster {
  /** The node that was the primary at the start. After a `promote()` it keeps this place. */
  readonly primary: PostgresNode;
  readonly #replicas: PostgresNode[];
  readonly #workspace: Workspace;
  readonly #timeoutMs: number;
  #stopping: Promise<void> | undefined;

  /** @internal Clusters are made by `startPostgresCluster`. */
  constructor(
    workspace: Workspace,
    nodes: { primary: PostgresNode; replicas: PostgresNode[] },
    timeoutMs: number,
  ) {
    this.#workspace = workspace;
    this.primary = nodes.primary;
    this.#replicas = nodes.replicas;
    this.#timeoutMs = timeoutMs;
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
   * @throws TestingError `ERR_TESTING_TIMEOUT`, naming the nodes that are behind; default 10,000 ms
   */
  async waitForReplication(options: { timeoutMs?: number } = {}): Promise<void> {
    const running = () => this.nodes.filter((node) => node.state === 'running');
    const positions = await Promise.all(running().map(readPosition));
    const [source] = positions.filter((at) => !at.isStandby).sort((a, b) => b.timeline - a.timeline);
    if (source === undefined) return;
    let behind = '';
    await waitUntil(
      async () => {
        const now = await Promise.all(running().map(readPosition));
        behind = now
          .filter((at) => at.isStandby && !at.isPaused && at.position < source.position)
          .map((at) => at.node.name)
          .join(', ');
        return behind === '';
      },
      { timeoutMs: options.timeoutMs ?? this.#timeoutMs, intervalMs: 2, message: `replication to ${behind}` },
    );
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

  async #stopOnce(): Promise<void> {
    try {
      await Promise.all(this.nodes.map((node) => node.closeProxies()));
      await Promise.all(this.nodes.map((node) => node.kill()));
    } finally {
      await this.#workspace.watchdog.close();
    }
  }
}
