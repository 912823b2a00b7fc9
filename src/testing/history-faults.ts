import type { FaultyCluster, FaultyNode } from './faulty-cluster.js';

/** Something that goes wrong for a while. */
export interface HistoryFault {
  /** For the report. */
  readonly name: string;
  inject(): Promise<void>;
  heal(): Promise<void>;
}

const APPLY_DELAY_MS = 150;

/**
 * What can go wrong with the replicas of a cluster and leaves every commit where it is: each of them paused, delayed
 * by 150 ms, killed, restarted, frozen, or made to stream from another replica. Faults reject with what the verbs of
 * the nodes reject with.
 *
 * @example
 * const report = await checkHistory({ urls, clients: [cookieClients()], faults: replicaFaults(cluster) });
 */
export function replicaFaults(cluster: FaultyCluster): readonly HistoryFault[] {
  return cluster.replicas.flatMap((replica, index) => [
    {
      name: `${replica.name} replay paused`,
      inject: () => replica.pauseReplay(),
      heal: () => replica.resumeReplay(),
    },
    {
      name: `${replica.name} replay delayed`,
      inject: () => replica.setApplyDelay(APPLY_DELAY_MS),
      heal: () => replica.setApplyDelay(0),
    },
    { name: `${replica.name} killed`, inject: () => replica.kill(), heal: () => replica.start() },
    { name: `${replica.name} restarted`, inject: () => replica.restart(), heal: async () => undefined },
    { name: `${replica.name} frozen`, inject: () => replica.freeze(), heal: () => replica.thaw() },
    repoint(cluster, replica, cluster.replicas[(index + 1) % cluster.replicas.length] ?? replica),
  ]);
}

/** For a while the replica streams from another replica instead of the primary. */
function repoint({ primary }: FaultyCluster, replica: FaultyNode, other: FaultyNode): HistoryFault {
  return {
    name: `${replica.name} re-pointed`,
    inject: async () => {
      if (other !== replica) await replica.follow(other);
    },
    heal: () => replica.follow(primary),
  };
}
