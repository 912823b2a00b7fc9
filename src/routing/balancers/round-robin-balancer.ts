import type { Balancer } from './balancer.js';
import type { Candidate } from '../node-snapshot.js';

/**
 * One after the other, by weight, and spread out: with the weights 2 and 1 that is a, b, a and not a, a, b
 * (the smooth weighted round robin of nginx).
 */
export class RoundRobinBalancer implements Balancer {
  /** By name: how far each replica is from its share of the picks. */
  readonly #credits = new Map<string, number>();

  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C {
    if (candidates.length === 1) return candidates[0];
    this.#forgetRemoved(candidates.length);
    let [next] = candidates;
    let total = 0;
    for (const candidate of candidates) {
      total += candidate.weight;
      this.#credit(candidate.name, candidate.weight);
      if (this.#creditOf(candidate.name) > this.#creditOf(next.name)) next = candidate;
    }
    this.#credit(next.name, -total);
    return next;
  }

  #creditOf(name: string): number {
    return this.#credits.get(name) ?? 0;
  }

  #credit(name: string, amount: number): void {
    this.#credits.set(name, this.#creditOf(name) + amount);
  }

  /** Names of removed replicas are not kept: all begin again from 0. */
  #forgetRemoved(count: number): void {
    if (this.#credits.size > FORGET_ABOVE + count) this.#credits.clear();
  }
}

const FORGET_ABOVE = 64;
