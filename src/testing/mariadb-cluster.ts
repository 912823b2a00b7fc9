import { coversPosition } from './gtid-position.js';
import { MariadbNode } from './mariadb-node.js';
import type { MariadbSite } from './mariadb-site.js';
import { ServerCluster, type ClusterPlan } from './server-cluster.js';

/**
 * A running MariaDB primary and its replicas, with the verbs of a `FaultyCluster`.
 *
 * @example
 * const cluster = await startMariadbCluster({ replicas: 2 });
 * await cluster.stop();
 */
export class MariadbCluster extends ServerCluster<MariadbNode> {
  /** Those that were a primary, the newest last: MariaDB itself has no order of them. */
  readonly #primaries: MariadbNode[] = [];

  /** @internal Clusters are made by `startMariadbCluster`. */
  constructor(site: MariadbSite, plan: ClusterPlan & { readOnly: boolean }) {
    const onPromotion = (node: MariadbNode): number => this.#primaries.push(node);
    const { readOnly, replicas } = plan;
    super(
      site,
      replicas,
      (name) => new MariadbNode({ site, identity: { ...plan, name }, readOnly, onPromotion }),
    );
    this.#primaries.push(this.primary);
  }

  /** Its data are made from nothing: it then gets all that was ever written from the logs of `source`. */
  protected override async copy(source: MariadbNode, target: MariadbNode): Promise<void> {
    await target.home.create();
    await target.follow(source);
  }

  protected override async findPrimary(): Promise<MariadbNode | undefined> {
    const running = this.nodes.filter((node) => node.state === 'running');
    const statuses = await Promise.all(running.map((node) => node.replicaStatus()));
    return this.#primaries.findLast((node) => running.includes(node) && !statuses[running.indexOf(node)]);
  }

  protected override async markHead(): Promise<() => Promise<string[]>> {
    const position = await (await this.actingPrimary()).position();
    return async () => {
      const running = this.nodes.filter((node) => node.state === 'running');
      const behind = await Promise.all(running.map((node) => describeBehind(node, position)));
      return behind.filter((text) => text !== undefined);
    };
  }
}

/** The name of a replica that lacks something and is not paused, with what its threads have stumbled on. */
async function describeBehind(node: MariadbNode, position: string): Promise<string | undefined> {
  const status = await node.replicaStatus();
  if (status === undefined || coversPosition(status.Gtid_Slave_Pos, position)) return undefined;
  if (status.Slave_SQL_Running === 'No' && status.Last_SQL_Error === '') return undefined;
  const errors = [status.Last_IO_Error, status.Last_SQL_Error].filter(Boolean);
  return [node.name, ...errors.map((error) => `(${error})`)].join(' ');
}
