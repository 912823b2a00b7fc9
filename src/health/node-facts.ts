import type { ProbeAnswer } from '../connector.js';
import type { History } from '../position.js';
import { asPrimary, isForeign, type PrimaryFacts } from './judge-answer.js';
import type { Lag } from './lag-history.js';

/** What a node last said about itself. */
export interface NodeFacts extends PrimaryFacts {
  readonly lag?: Lag | undefined;
  /** A replica has all that the primary had then; `undefined`: that is not known. */
  readonly completeAtMs?: number | undefined;
  readonly seenAtMs?: number | undefined;
}

/** What is known besides the answer. */
interface LearntMore {
  /** The newest of the two. */
  readonly history: History | undefined;
  readonly isFormer: boolean;
  readonly asked: number;
  readonly askedAtMs: number;
  readonly nowMs: number;
}

/** What a node says of itself, beside what is known from before. */
export function factsAfter(known: NodeFacts, answer: ProbeAnswer, more: LearntMore): PrimaryFacts {
  const { history, isFormer, asked, askedAtMs, nowMs } = more;
  const { position, serverId, role, flushed } = answer;
  const isHead = role === 'primary' && history !== undefined && answer.history === history && !isFormer;
  const isOther = isForeign(answer, known) || (known.history !== undefined && history !== known.history);
  const firstHead = isOther ? undefined : known.firstHead;
  return {
    position,
    headAsked: isHead ? asked : undefined,
    flushed:
      isHead && flushed ? { position: flushed.position, untilMs: askedAtMs - flushed.delayMs } : undefined,
    firstHead: firstHead ?? (isHead ? position : undefined),
    history,
    historySinceMs: isOther ? nowMs : known.historySinceMs,
    writer: isHead ? asPrimary(answer) : known.writer,
    systemId: answer.systemId ?? known.systemId,
    serverId,
  };
}

/** The same of a server that may have been started again: what it had then is not known, and may be less than before. */
export function withoutPosition(known: NodeFacts): NodeFacts {
  const { completeAtMs } = known;
  return { ...known, position: undefined, completeAtMs: completeAtMs === undefined ? undefined : -Infinity };
}
