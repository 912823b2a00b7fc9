import type { History, Position, Positions } from '../position.js';
import { isForeign, type PrimaryFacts } from './judge-answer.js';
import type { ProbeAnswer } from '../connector.js';

/**
 * Notices a replica that has replayed what the primary never had. A server that is promoted without the last that the old
 * primary has sent to others begins another history at a place which those have passed: they cannot follow it, and at
 * their positions lies something else. An ordinary role cannot see a replica's history in time, so positions must tell.
 */
export class Divergence {
  private last:
    | { readonly position: Position; readonly serverId: string | undefined; readonly answered: number }
    | undefined;
  /** Its first answer since the primary is on its history. */
  private first: { readonly history: History | undefined; readonly answered: number } | undefined;
  /** Where it stood when it was found out, and the history that it could not follow. */
  private found: { readonly position: Position; readonly history: History | undefined } | undefined;

  constructor(private readonly positions: Positions) {}

  /** Whether the replica that has answered is one; `answered`: the number of the answer, by `nextInSequence`. */
  judge(answer: ProbeAnswer, primary: PrimaryFacts, answered: number): boolean {
    const { position, serverId } = answer;
    if (position === undefined || isForeign(answer, primary)) return false;
    if (this.wasAhead(primary, serverId)) this.found = { position, history: primary.history };
    else if (this.isBack(position, primary)) this.found = undefined;
    this.last = { position, serverId, answered };
    if (!this.first || this.first.history !== primary.history)
      this.first = { history: primary.history, answered };
    return this.found !== undefined;
  }

  /** Whether the primary, after a failover, was asked for what it has since the replica has first answered. */
  isSettled({ history, historySinceMs, headAsked }: PrimaryFacts): boolean {
    if (historySinceMs === undefined) return true;
    const { first } = this;
    if (!first || first.history !== history || headAsked === undefined) return false;
    return first.answered < headAsked;
  }

  /** By what the primary has said afterwards: replicas are ahead of what it has said before all the time. */
  private wasAhead({ position, headAsked }: PrimaryFacts, serverId: string | undefined): boolean {
    const { last } = this;
    if (!last || last.serverId !== serverId || position === undefined || headAsked === undefined)
      return false;
    return last.answered < headAsked && !this.positions.covers(position, last.position);
  }

  /** Whether it replays again, or was rebuilt: then it is behind the primary, while that is not where it stood. */
  private isBack(position: Position, { position: head, history }: PrimaryFacts): boolean {
    const { found, positions } = this;
    if (!found || found.history !== history) return true;
    if (head === undefined) return false;
    if (positions.namesWrites?.(position) || !positions.covers(head, found.position))
      return positions.covers(head, position);
    return !positions.covers(found.position, position);
  }
}
