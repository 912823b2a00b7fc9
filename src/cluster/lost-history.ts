import { isForeign, type PrimaryFacts } from './judge-answer.js';
import type { ProbeAnswer } from './probe.js';

/** Where a replica stood, and beside which primary. */
interface Place {
  readonly position: bigint;
  readonly serverId: string | undefined;
  readonly primaryId: string | undefined;
}

/**
 * Notices a replica that has replayed what the primary never had. A server that is promoted without the last that the old
 * primary has sent to others begins another history at a place which those have passed: they cannot follow it, and at
 * their positions lies something else. An ordinary role cannot see a standby's timeline in time, so positions must tell.
 */
export class LostHistory {
  private last: (Place & { readonly atMs: number }) | undefined;
  private lostAt: Place | undefined;

  /** Whether the replica that has answered is one, which it is for as long as it stands where it is. */
  judge(answer: ProbeAnswer, primary: PrimaryFacts, nowMs: number): boolean {
    const { position, serverId } = answer;
    if (position === undefined || isForeign(answer, primary)) return false;
    const place = { position, serverId, primaryId: primary.serverId };
    if (this.wasAhead(primary) && this.last?.serverId === serverId) this.lostAt = place;
    else if (this.lostAt && !isSame(this.lostAt, place)) this.lostAt = undefined;
    this.last = { ...place, atMs: nowMs };
    return this.lostAt !== undefined;
  }

  /** By what the primary has said afterwards: replicas are ahead of what it has said before all the time. */
  private wasAhead({ position, headAtMs }: PrimaryFacts): boolean {
    const { last } = this;
    if (!last || position === undefined || headAtMs === undefined) return false;
    return last.atMs <= headAtMs && last.position > position;
  }
}

function isSame(a: Place, b: Place): boolean {
  return a.position === b.position && a.serverId === b.serverId && a.primaryId === b.primaryId;
}
