import type { Balancer } from './balancer.js';
import type { Candidate } from '../node-snapshot.js';
import { onRejection } from '../on-rejection.js';
import { RandomBalancer } from './weighted-balancers.js';

/** A balancer of the application. Where it fails, any of the replicas reads, by weight. */
export class OwnBalancer implements Balancer {
  readonly #own: Balancer;
  readonly #otherwise: Balancer;
  readonly #onFailed: (error: unknown) => void;

  /** `random` answers from 0 to below 1. `onFailed`: told of every failure. */
  constructor(own: Balancer, random: () => number, onFailed: (error: unknown) => void) {
    this.#own = own;
    this.#otherwise = new RandomBalancer(random);
    this.#onFailed = onFailed;
  }

  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C {
    try {
      // A copy, since it may sort it in place, or take from it.
      const picked: unknown = this.#own.pick<C>([...candidates]);
      const index = candidates.indexOf(picked as C);
      if (index >= 0) return candidates[index] as C;
      onRejection(picked, () => undefined);
      throw new TypeError(`pick() has answered ${describe(picked)}, not one of its candidates.`);
    } catch (error) {
      this.#onFailed(error);
      return this.#otherwise.pick(candidates);
    }
  }
}

function describe(picked: unknown): string {
  return picked instanceof Promise ? 'a promise' : `${picked === null ? 'null' : typeof picked}`;
}
