import { PostgresNode } from './postgres-node.js';
import { flush, readPosition, type NodePosition } from './replay-position.js';
import { ServerCluster, type ClusterPlan } from './server-cluster.js';
import type { Site } from './server-home.js';

/**
 * A running PostgreSQL primary and its streaming replicas, with the verbs of a `FaultyCluster`.
 *
 * @example
 * const cluster = await startPostgresCluster({ replicas: 2 });
 * await cluster.stop();
 */
export class PostgresCluster extends ServerCluster<PostgresNode> {
  /** @internal Clusters are made by `startPostgresCluster`. */
  constructor(site: Site, plan: ClusterPlan) {
    super(site, plan.replicas, (name) => new PostgresNode(site, { ...plan, name }));
  }

  protected override async copy(source: PostgresNode, target: PostgresNode): Promise<void> {
    await target.home.backUp(source);
    await target.home.makeStandby(source, target.name);
  }

  protected override async findPrimary(): Promise<PostgresNode | undefined> {
    const writable = (await this.#positions()).filter((at) => !at.isStandby);
    return writable.sort((a, b) => b.timeline - a.timeline)[0]?.node;
  }

  protected override async markHead(): Promise<() => Promise<string[]>> {
    const position = await flush(await this.actingPrimary());
    return async () => {
      const standbys = (await this.#positions()).filter((at) => at.isStandby && !at.isPaused);
      return standbys.filter((at) => at.replayed < position).map((at) => at.node.name);
    };
  }

  #positions(): Promise<NodePosition[]> {
    return Promise.all(this.nodes.filter((node) => node.state === 'running').map(readPosition));
  }
}
