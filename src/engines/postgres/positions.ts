import { PLACE_BYTES, type History, type Place, type Position, type Positions } from '../../position.js';
import { formatLsn } from './lsn.js';

/** A position of PostgreSQL is one number, the LSN: of two, one always covers the other. */
export function positionOf(lsn: bigint): Position {
  return lsn as unknown as Position;
}

/** A history of PostgreSQL is a timeline. They are numbered from 1, in the order in which they begin. */
export function historyOf(timeline: number): History {
  return timeline as unknown as History;
}

/** The LSN that a position is. */
export function lsnOf(position: Position): bigint {
  return position as unknown as bigint;
}

/** The timeline that a history is. */
export function timelineOf(history: History): number {
  return history as unknown as number;
}

export const positions = {
  envelopeVersion: 1,
  covers: (have, need) => have >= need,
  merge: (a, b) => (a >= b ? a : b),
  measure: 'bytes',
  behind: (head, have) => (have >= head ? 0 : Number(lsnOf(head) - lsnOf(have))),
  format: (position) => formatLsn(lsnOf(position)),
  encode: encodePlace,
  decode: decodePlace,
} satisfies Positions;

/** Timeline (4 bytes), LSN (8). */
function encodePlace({ position, history }: Place): Uint8Array {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.writeUInt32BE(history === undefined ? UNKNOWN_TIMELINE : timelineOf(history), 0);
  bytes.writeBigUInt64BE(position === undefined ? 0n : lsnOf(position), TIMELINE_BYTES);
  return bytes;
}

function decodePlace(bytes: Buffer): Place {
  const timeline = bytes.readUInt32BE(0);
  return {
    history: timeline === UNKNOWN_TIMELINE ? undefined : historyOf(timeline),
    position: positionOf(bytes.readBigUInt64BE(TIMELINE_BYTES)),
  };
}

const TIMELINE_BYTES = 4;
const UNKNOWN_TIMELINE = 0;
