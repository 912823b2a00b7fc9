import type { Candidate } from '../node-snapshot.js';
import type { Balancer } from './balancer.js';

/** Any of the replicas, by weight. */
export class RandomBalancer implements Balancer {
  readonly #random: () => number;

  /** `random` answers from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C {
    return drawByWeight(candidates, this.#random());
  }
}

/**
 * The less busy of two random replicas. Always taking the least busy of all would send every process of an
 * application to the same replica at the same moment.
 */
export class LeastBusyBalancer implements Balancer {
  readonly #random: () => number;

  /** `random` answers from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C {
    if (candidates.length === 1) return candidates[0];
    const first = drawByWeight(candidates, this.#random());
    const second = drawByWeight(candidates, this.#random(), first);
    // Queries per weight. When both are equal, as on an idle cluster, the draw by weight decides.
    return second.busy * first.weight < first.busy * second.weight ? second : first;
  }
}

/**
 * Draws one by weight; `draw` is from 0 to below 1, `except` is left out unless it is the only one.
 * Candidates without weight are drawn only when none has any.
 */
function drawByWeight<C extends Candidate>(candidates: readonly [C, ...C[]], draw: number, except?: C): C {
  let total = 0;
  for (const candidate of candidates) if (candidate !== except) total += candidate.weight;
  let rest = draw * total;
  let drawn: C | undefined;
  for (const candidate of candidates) {
    if (candidate === except || (candidate.weight <= 0 && drawn)) continue;
    drawn = candidate;
    rest -= candidate.weight;
    if (rest < 0) break;
  }
  return drawn ?? candidates[0];
}
