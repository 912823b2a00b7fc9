import type { Balancer } from './balancer.js';
import { drawByWeight } from './draw-by-weight.js';
import type { Candidate } from '../node-snapshot.js';

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
