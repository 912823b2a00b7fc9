declare const ofEngine: unique symbol;

/** A place in the primary's log. What it is made of, only the engine knows that has made it. */
export interface Position {
  readonly [ofEngine]: 'position';
}

/**
 * One unbroken line of a log, which a failover ends. Equal ones are the same (`===`); which of two is older, only the
 * engine knows.
 */
export interface History {
  readonly [ofEngine]: 'history';
}

/** A place in a log, and the history that it belongs to. */
export interface Place {
  /** `undefined`: it is not known. */
  readonly position: Position | undefined;
  readonly history: History | undefined;
}

/** A place right after a commit. */
export interface CapturedPosition extends Place {
  readonly position: Position;
}

/**
 * What an engine knows of its positions. They are a partial order: of two, each may lack what the other has, and then
 * neither covers the other.
 */
export interface Positions {
  /** Whether a server at `have` has all that one at `need` has. On the way of every read: allocates nothing. */
  covers(have: Position, need: Position): boolean;
  /** The least that covers both. */
  merge(a: Position, b: Position): Position;
  /** What a distance between two is counted in. */
  readonly measure: 'bytes' | 'transactions';
  /** How much of what a server at `head` has one at `have` lacks, in the engine's measure; 0: nothing. */
  behind(head: Position, have: Position): number;
  /** As the database writes it. */
  format(position: Position): string;
  /** Which version of the envelope holds its places: in version 1 all have {@link PLACE_BYTES}. */
  readonly envelopeVersion: 1 | 2;
  /** The bytes that stand for a place in a token, a multiple of three; `undefined`: they would be too many. */
  encode(place: Place): Uint8Array | undefined;
  /** Reads them; `undefined`: they are none. */
  decode(bytes: Buffer): Place | undefined;
}

/** Length of a place in version 1 of the envelope; in version 2 it is that of the envelope. */
export const PLACE_BYTES = 12;

/** Whether a server has what is needed of it. A position that is not known covers nothing. */
export function hasReached(
  positions: Pick<Positions, 'covers'>,
  have: Position | undefined,
  need: Position | undefined,
): boolean {
  return need === undefined || (have !== undefined && positions.covers(have, need));
}

/** What covers both, as far as they are known. */
export function mergeKnown(
  { merge }: Pick<Positions, 'merge'>,
  a: Position | undefined,
  b: Position | undefined,
): Position | undefined {
  return a === undefined || b === undefined ? (a ?? b) : merge(a, b);
}
