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
    return this.found !== undefined;
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
    if (!found || found.history !== history || !positions.covers(found.position, position)) return true;
    return head !== undefined && !positions.covers(head, found.position) && positions.covers(head, position);
  }
}
