import type { SeenPrimary } from '../../engine.js';
import type { History, Position, Positions } from '../../position.js';
import { decodePlace, encodePlace } from './place-bytes.js';
import { countMissing, includes, lastOf, union, type GtidSet, type SourceSet } from './gtid-set.js';
import { isOfMysql } from './mysql-gtid.js';
import { numberOf, uuidOf } from './server-sql.js';

/** A position of this family is a set of GTIDs. */
export function positionOf(set: GtidSet): Position {
  return set as unknown as Position;
}

/** The set of GTIDs that a position is. */
export function gtidsOf(position: Position): GtidSet {
  return position as unknown as GtidSet;
}

/**
 * A history of MariaDB is the number of the server that writes. A former primary that returns continues the numbers of
 * its domain, so that two histories are told apart by it, but never put in order.
 */
export function historyOf(server: number): History {
  return server as unknown as History;
}

/** The number that a history is. */
export function serverOfHistory(history: History): number {
  return history as unknown as number;
}

/** Sets of MySQL are put in order by what they hold, whatever server writes: they all belong to one history. */
export const ONE_HISTORY = historyOf(1);

export const positions: Positions = {
  envelopeVersion: 2,
  covers: (have, need) => includes(gtidsOf(have), gtidsOf(need)),
  merge: (a, b) => positionOf(union(gtidsOf(a), gtidsOf(b))),
  namesWrites: (position) => isOfMysql(gtidsOf(position)),
  measure: 'transactions',
  behind: (head, have) => countMissing(gtidsOf(head), gtidsOf(have)),
  format: (position) => gtidsOf(position).map(formatSource).join(','),
  encode: ({ position, history }) =>
    encodePlace({
      server: history === undefined ? undefined : serverOfHistory(history),
      gtids: position && gtidsOf(position),
    }),
  decode(bytes) {
    const place = decodePlace(bytes);
    if (!place) return undefined;
    const { server, gtids } = place;
    return {
      position: gtids && positionOf(gtids),
      history: server === undefined ? undefined : historyOf(server),
    };
  },
};

/**
 * A server that has written itself, and has nothing of what another one has written since: that one took its place. One that
 * has some of it may as well have been promoted in turn, and is not refused.
 */
export function isFormer(found: SeenPrimary, known: SeenPrimary): boolean {
  const [own, other] = [nameOf(found), nameOf(known)];
  const [has, had] = [writersOf(found), writersOf(known)];
  if (own === undefined || other === undefined || own === other || !has || !had) return false;
  return had.has(own) && had.has(other) && !has.has(other);
}

function nameOf({ serverId }: SeenPrimary): string | undefined {
  return uuidOf(serverId) ?? numberOf(serverId);
}

function writersOf({ writers, position, serverId }: SeenPrimary): ReadonlySet<string> | undefined {
  const isMysql = uuidOf(serverId) !== undefined;
  return isMysql && position ? new Set(gtidsOf(position).map(({ source }) => source)) : writers;
}

function formatSource(one: SourceSet): string {
  if (!isOfMysql([one])) return `${one.name}-${lastOf(one)}`;
  const ranges = one.intervals.map(({ first, last }) => (first === last ? `${last}` : `${first}-${last}`));
  return [one.name, ...ranges].join(':');
}
