import type { Balancer } from './balancer.js';
import { drawByWeight } from './draw-by-weight.js';
import type { Candidate } from '../node-snapshot.js';

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
    return isLessBusy(second, first) ? second : first;
  }
}

/** As a share of the weight. Equals leave the draw, and so the weights, in force on an idle cluster. */
function isLessBusy(a: Candidate, b: Candidate): boolean {
  return a.busy * b.weight < b.busy * a.weight;
}
