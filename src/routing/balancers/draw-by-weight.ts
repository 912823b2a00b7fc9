import type { Candidate } from '../node-snapshot.js';

/**
 * Draws one by weight; `draw` is from 0 to below 1, `except` is left out unless it is the only one.
 * Candidates without weight are drawn only when none has any.
 */
export function drawByWeight<C extends Candidate>(
  candidates: readonly [C, ...C[]],
  draw: number,
  except?: C,
): C {
  let rest = draw * totalWeight(candidates, except);
  let drawn: C | undefined;
  for (const candidate of candidates) {
    if (candidate === except || (candidate.weight <= 0 && drawn)) continue;
    drawn = candidate;
    rest -= candidate.weight;
    if (rest < 0) break;
  }
  return drawn ?? candidates[0];
}

/** The sum of the weights. */
export function totalWeight(candidates: readonly Candidate[], except?: Candidate): number {
  let total = 0;
  for (const candidate of candidates) if (candidate !== except) total += candidate.weight;
  return total;
}
