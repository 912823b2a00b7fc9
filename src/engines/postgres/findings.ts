import type { Findings } from '../../engine.js';
import { timelineOf } from './positions.js';

export const findings: Findings = {
  replicaAsPrimary: 'it is in recovery: a standby, not the primary',
  formerPrimary: (found, known) =>
    `it is writable on timeline ${timelineOf(found)}, but the cluster is on ${timelineOf(known)}: a former primary`,
  primaryAsReplica: 'it is not in recovery: writable, not a standby',
  foreign: (found, known) =>
    `its system identifier is ${found}, the primary's ${known}: another database cluster`,
  diverged:
    'it has replayed more than the primary has written: a history that a failover has ended; rebuild it from the primary (pg_rewind, or a new base backup)',
};
