import { formatLsn } from '../position.js';
import type { NodeSnapshot } from '../routing/node-snapshot.js';
import type { Role } from '../routing/route.js';
import { isOut, type Health } from './health.js';
import type { PrimaryFacts } from './judge-answer.js';
import type { Lag } from './lag-history.js';

/** What a node last said about itself. */
export interface NodeFacts extends PrimaryFacts {
  readonly lag?: Lag | undefined;
  readonly seenAtMs?: number | undefined;
}

/** A node's part in the cluster, and what is known of it. */
export interface SnapshotSource {
  readonly name: string;
  readonly role: Role;
  readonly facts: NodeFacts;
  readonly health: Health;
}

/** JSON has no bigint, and operators read positions as the server writes them. */
const SNAPSHOT_PROTOTYPE = {
  toJSON(this: NodeSnapshot) {
    return { ...this, position: this.position === undefined ? undefined : formatLsn(this.position) };
  },
};

/** What decisions see of a node. */
export function snapshotOf({ name, role, facts, health }: SnapshotSource): NodeSnapshot {
  // Of a node that is out the lag is not known; what it had replayed it has still, if it is the right one.
  const lag = isOut(health) ? undefined : facts.lag;
  const seen: NodeSnapshot = {
    name,
    role,
    state: health.state,
    detail: health.detail,
    lagMs: lag?.ms,
    lagBytes: lag?.bytes,
    position: health.state === 'misconfigured' ? undefined : facts.position,
    timeline: facts.timeline,
    systemId: facts.systemId,
    seenAtMs: facts.seenAtMs,
  };
  return Object.freeze(Object.assign(Object.create(SNAPSHOT_PROTOTYPE) as NodeSnapshot, seen));
}
