import type { Engine } from '../engine.js';
import type { Place } from '../position.js';
import type { KnownSnapshot, NodeSnapshot } from '../routing/node-snapshot.js';
import type { Role } from '../routing/route.js';
import { isOut, type Health } from './health.js';
import type { NodeFacts } from './node-facts.js';

/** What the options say of a node that its snapshot repeats. */
export interface NodePlacement extends Pick<NodeSnapshot, 'name' | 'zone' | 'group'> {}

/** A node's part in the cluster, and what is known of it. */
export interface SnapshotSource extends NodePlacement {
  readonly role: Role;
  readonly facts: NodeFacts;
  readonly health: Health;
}

/** Makes snapshots whose places an engine shows. */
export function snapshotsFor({
  positions,
  show,
}: Pick<Engine, 'positions' | 'show'>): (source: SnapshotSource) => KnownSnapshot {
  /** Operators read positions as the server writes them, and JSON has no bigint. */
  const prototype = {
    toJSON(this: KnownSnapshot) {
      const { position } = this.place;
      return { ...this, position: position === undefined ? undefined : positions.format(position) };
    },
  };
  return ({ name, zone, group, role, facts, health }) => {
    // Of a node that is out the lag is not known; what it had replayed it has still, if it is the right one.
    const lag = isOut(health) ? undefined : facts.lag;
    const position = health.state === 'misconfigured' ? undefined : facts.position;
    const place: Place = { position, history: facts.history };
    const shown = show(place);
    const seen: NodeSnapshot = {
      name,
      role,
      state: health.state,
      detail: health.detail,
      lagMs: lag?.ms,
      lagBytes: lag?.bytes,
      position: shown.position,
      timeline: shown.timeline,
      systemId: facts.systemId,
      seenAtMs: facts.seenAtMs,
      zone,
      group,
    };
    const snapshot = Object.assign(Object.create(prototype) as KnownSnapshot, seen);
    // Not enumerable: they are not for users, and not part of what is printed, spread or compared.
    return Object.freeze(
      Object.defineProperties(snapshot, {
        place: { value: Object.freeze(place) },
        completeAtMs: { value: isOut(health) ? undefined : facts.completeAtMs },
      }),
    );
  };
}
