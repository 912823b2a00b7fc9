import { hasReached, type History, type Position, type Positions } from '../position.js';

/** What a client has written: it must not be shown anything older. */
export interface Token {
  /**
   * The database cluster written to (PostgreSQL's system identifier): the decimal digits of an unsigned 64-bit
   * number; `''` when not known.
   */
  readonly clusterId: string;
  /** The history within the cluster, which forks at a failover; `undefined` when not known. */
  readonly history: History | undefined;
  /** A position at or after the write; `undefined`: something was written, but where is not known (a time pin). */
  readonly position: Position | undefined;
  /** When it was issued, in ms since 1970 by the clock of the issuing instance. */
  readonly issuedAtMs: number;
}

/**
 * Whether `a` demands all that `b` demands, for as long. Positions of different histories or clusters are never
 * compared, and a position does not stand for a time pin: the clocks of two instances do not tell which of the
 * two writes came first.
 */
export function subsumes(a: Token, b: Token, positions: Positions): boolean {
  if (a.issuedAtMs < b.issuedAtMs) return false;
  if (a.position === undefined || b.position === undefined) return a.position === b.position;
  return isAtOrAfter(a, b, positions);
}

/** Whether the place of `a` is known to be that of `b` or a later one, in the same history of the same cluster. */
export function isAtOrAfter(a: Token, b: Token, positions: Positions): boolean {
  if (a.clusterId !== b.clusterId || a.history !== b.history) return false;
  return hasReached(positions, a.position, b.position);
}

/** The fewest of `tokens` that demand the same as all of them: one, but around failovers and skewed clocks. */
export function mergeTokens(tokens: readonly Token[], positions: Positions): readonly Token[] {
  let merged: Token[] = [];
  for (const token of tokens) {
    if (merged.some((kept) => subsumes(kept, token, positions))) continue;
    merged = [...merged.filter((kept) => !subsumes(token, kept, positions)), token];
  }
  return merged;
}
