import type { Balancer, Candidate } from 'nestjs-replicated';

/** Chooses a replica by its name, and remembers the candidates, which say how busy they are. */
export class Preferring implements Balancer {
  private readonly seen = new Map<string, Candidate>();

  constructor(private readonly name: string) {}

  pick<C extends Candidate>(candidates: readonly [C, ...C[]]): C {
    for (const candidate of candidates) this.seen.set(candidate.name, candidate);
    return candidates.find(({ name }) => name === this.name) ?? candidates[0];
  }

  /** Number of query runners that hold a connection to any replica. */
  get busy(): number {
    return [...this.seen.values()].reduce((sum, { busy }) => sum + busy, 0);
  }
}
