import type { Findings } from '../../engine.js';

export const findings: Findings = {
  replicaAsPrimary: 'it is read_only, or replays from another server: a replica, not the primary',
  // Histories of this family have no order, so none is found to be older.
  formerPrimary: () => 'it is writable, but the cluster has gone on without it: a former primary',
  primaryAsReplica:
    'it is writable and replays from no other server: a primary, or a replica that was stopped and is not read_only (SET GLOBAL read_only = 1)',
  foreign: (found, known) => `it belongs to ${found}, the primary to ${known}: another cluster`,
  diverged:
    'it has replayed more than the primary has written: a history that a failover has ended; rebuild it from the primary',
};
