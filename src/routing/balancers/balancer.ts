import type { Candidate } from '../node-snapshot.js';

/**
 * Picks the replica of a unit of work. When one of your own throws, or answers anything but a candidate, any replica reads,
 * by weight, and the log says so once.
 *
 * ```ts
 * const first: Balancer = { pick: (candidates) => candidates[0] };
 * ReplicatedModule.forRoot({ ..., routing: { balancing: first } });
 * ```
 */
export interface Balancer {
  /** Returns one of `candidates`, which are never empty. */
  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C;
}
