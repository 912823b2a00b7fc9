import type { ProbeAnswer } from '../connector.js';
import type { History } from '../position.js';
import { isForeign, type PrimaryFacts } from './judge-answer.js';
import type { Lag } from './lag-history.js';

/** What a node last said about itself. */
export interface NodeFacts extends PrimaryFacts {
  readonly lag?: Lag | undefined;
  /** A replica has all that the primary had then; `undefined`: that is not known. */
  readonly completeAtMs?: number | undefined;
  readonly seenAtMs?: number | undefined;
}

/** What a node says of itself, beside what is known from before. `history`: the newest of the two. */
export function factsAfter(
  known: NodeFacts,
  answer: ProbeAnswer,
  {
    history,
    asked,
    nowMs,
  }: { readonly history: History | undefined; readonly asked: number; readonly nowMs: number },
): PrimaryFacts {
  const { position, serverId, role } = answer;
  const isHead = role === 'primary' && history !== undefined && answer.history === history;
  const isOther = isForeign(answer, known) || (known.history !== undefined && history !== known.history);
  const firstHead = isOther ? undefined : known.firstHead;
  return {
    position,
    headAsked: isHead ? asked : undefined,
    firstHead: firstHead ?? (isHead ? position : undefined),
    history,
    historySinceMs: isOther ? nowMs : known.historySinceMs,
    systemId: answer.systemId ?? known.systemId,
    serverId,
  };
}

/** The same of a server that may have been started again: what it had then is not known, and may be less than before. */
export function withoutPosition(known: NodeFacts): NodeFacts {
  const { completeAtMs } = known;
  return { ...known, position: undefined, completeAtMs: completeAtMs === undefined ? undefined : -Infinity };
}
