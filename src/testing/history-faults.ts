import type { PostgresCluster } from './postgres-cluster.js';
import type { PostgresNode } from './postgres-node.js';

/** Something that goes wrong for a while. */
export interface HistoryFault {
  /** For the report. */
  readonly name: string;
  inject(): Promise<void>;
  heal(): Promise<void>;
}

/** What can go wrong with the replicas of a cluster and leaves every commit where it is. */
export function replicaFaults(cluster: PostgresCluster): readonly HistoryFault[] {
  return cluster.replicas.flatMap((replica, index) => [
    {
      name: `${replica.name} replay paused`,
      inject: () => replica.pauseReplay(),
      heal: () => replica.resumeReplay(),
    },
    {
      name: `${replica.name} replay delayed`,
      inject: () => replica.setApplyDelay(150),
      heal: () => replica.setApplyDelay(0),
    },
    { name: `${replica.name} killed`, inject: () => replica.kill(), heal: () => replica.start() },
    { name: `${replica.name} restarted`, inject: () => replica.restart(), heal: async () => undefined },
    repoint(cluster, replica, cluster.replicas[(index + 1) % cluster.replicas.length] ?? replica),
  ]);
}

/** For a while the replica streams from another replica instead of the primary. */
function repoint(cluster: PostgresCluster, replica: PostgresNode, other: PostgresNode): HistoryFault {
  return {
    name: `${replica.name} re-pointed`,
    inject: async () => {
      if (other !== replica) await replica.follow(other);
    },
    heal: () => replica.follow(cluster.primary),
  };
}
