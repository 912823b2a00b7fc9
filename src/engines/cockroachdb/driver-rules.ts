import type { DriverRules } from '../../options/driver/driver-rules.js';
import { mayHaveReplicas } from '../../options/resolved-options.js';
import { driverRules as ofPg } from '../pg/driver-rules.js';

const NO_PRIMARY =
  'every node of CockroachDB can be written, so that none is promoted, and none is missed. Give the primary the address of a load balancer, and write';
const STALE_PRIMARY =
  'has the primary show clients the state before their writes. Remove it: sessions on replicas use follower reads as they are.';

/** Of node-postgres, as TypeORM's driver for CockroachDB uses it. */
export const driverRules: DriverRules = {
  ...ofPg,
  // By settings that a session starts with.
  readOnlyMeans: new Set(['auto', 'startup']),
  hasLagInBytes: false,
  // TypeORM reads host, port and all else out of the url itself.
  complete: (merged) => merged,
  // One address for all will do: the sessions differ.
  checkReplica: () => undefined,
  contradictions(resolved) {
    const { cluster, dataSource } = resolved;
    const hasReplicas = mayHaveReplicas(resolved);
    return [
      {
        when: cluster.failover === 'follow',
        paths: ['cluster.failover'],
        because: `${NO_PRIMARY} 'none'.`,
      },
      {
        when: cluster.startWithoutPrimary,
        paths: ['cluster.startWithoutPrimary'],
        because: `${NO_PRIMARY} false.`,
      },
      {
        when: hasReplicas && dataSource['timeTravelQueries'] === true,
        paths: ['timeTravelQueries', 'primary.timeTravelQueries'],
        because: STALE_PRIMARY,
      },
    ];
  },
};
