import { PLACE_BYTES, type History, type Place, type Position, type Positions } from '../../position.js';

/**
 * All sessions are of one file, and see what was committed there: of places there is one, which everybody has reached. A
 * client's token names it, so that tokens travel as they do before servers.
 */
export const THERE = {
  position: 'there' as unknown as Position,
  history: 'the file' as unknown as History,
} satisfies Place;

export const positions: Positions = {
  envelopeVersion: 1,
  covers: () => true,
  merge: (a) => a,
  measure: 'transactions',
  behind: () => 0,
  format: String,
  encode: () => new Uint8Array(PLACE_BYTES),
  decode: () => THERE,
};
