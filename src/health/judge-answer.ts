import type { Role } from '../routing/route.js';
import type { Lag } from './lag-history.js';
import type { ProbeAnswer } from '../engine.js';

/** What a node should be. */
export interface Expected {
  /** The role it plays in the cluster now. */
  readonly role: Role;
  /** What is known of the primary, as far as it is known. */
  readonly primary: PrimaryFacts;
}

/** What is known of the primary. */
export interface PrimaryFacts {
  readonly position?: bigint | undefined;
  /** When, in order, it was asked for its position, if it could be written then: no replica had replayed more before. */
  readonly headAsked?: number | undefined;
  /** The first position seen of it as the head of this timeline: what lies before may be another history's elsewhere. */
  readonly firstHead?: bigint | undefined;
  /** The newest seen: a server that is writable on an older one is a former primary. */
  readonly timeline?: number | undefined;
  /** Since when it is on this timeline, if it was seen on another one before, in ms; `undefined`: it was not. */
  readonly timelineSinceMs?: number | undefined;
  readonly systemId?: string | undefined;
  readonly serverId?: string | undefined;
}

/** The options about lag. */
export interface LagLimits {
  readonly maxLagMs: number;
  readonly maxLagBytes: number;
  readonly hardMaxLagMs: number;
}

/** What is known besides the answer. */
export interface JudgeContext {
  readonly expected: Expected;
  readonly lag: Lag | undefined;
  readonly wasLagging: boolean;
  /** The replica has replayed what the primary never had, see `LostHistory`. */
  readonly isLost: boolean;
  readonly limits: LagLimits;
}

/** What an answer shows. */
export interface Verdict {
  readonly state: 'usable' | 'lagging' | 'stale' | 'misconfigured' | 'is-primary' | 'is-replica';
  readonly detail?: string;
}

/** Whether a server that answered is what it should be, and how late it is. */
export function judgeAnswer(answer: ProbeAnswer, context: JudgeContext): Verdict {
  const { role, primary } = context.expected;
  return role === 'primary' ? judgePrimary(answer, primary) : judgeReplica(answer, primary, context);
}

function judgePrimary(answer: ProbeAnswer, primary: PrimaryFacts): Verdict {
  if (answer.inRecovery)
    return { state: 'is-replica', detail: 'it is in recovery: a standby, not the primary' };
  if (answer.timeline !== undefined && primary.timeline !== undefined && answer.timeline < primary.timeline) {
    const detail = `it is writable on timeline ${answer.timeline}, but the cluster is on ${primary.timeline}: a former primary`;
    return { state: 'is-replica', detail };
  }
  return USABLE;
}

function judgeReplica(answer: ProbeAnswer, primary: PrimaryFacts, context: JudgeContext): Verdict {
  if (isForeign(answer, primary)) {
    const detail = `its system identifier is ${answer.systemId}, the primary's ${primary.systemId}: another database cluster`;
    return { state: 'misconfigured', detail };
  }
  if (!answer.inRecovery) return { state: 'is-primary', detail: whyPrimary(answer, primary) };
  if (context.isLost) return { state: 'misconfigured', detail: LOST };
  return context.lag === undefined ? USABLE : judgeLag(context.lag, context);
}

/** A standby is a good replica even where the primary's address leads to it: that is the primary's problem. */
function whyPrimary({ serverId }: ProbeAnswer, primary: PrimaryFacts): string {
  const isSame = serverId !== undefined && serverId === primary.serverId;
  return isSame ? 'its address leads to the primary' : 'it is not in recovery: writable, not a standby';
}

/** Whether it belongs to another database cluster than the primary. */
export function isForeign({ systemId }: ProbeAnswer, primary: PrimaryFacts): boolean {
  return systemId !== undefined && primary.systemId !== undefined && systemId !== primary.systemId;
}

function judgeLag(lag: Lag, { wasLagging, limits }: JudgeContext): Verdict {
  const detail = `it is ${Math.round(lag.ms / 100) / 10} s and ${lag.bytes} bytes behind the primary`;
  if (lag.ms > limits.hardMaxLagMs) return { state: 'stale', detail };
  // It returns well below the limit, since around the limit it would come and go.
  const share = wasLagging ? 0.8 : 1;
  const isLagging = lag.ms > limits.maxLagMs * share || lag.bytes > limits.maxLagBytes * share;
  return isLagging ? { state: 'lagging', detail } : USABLE;
}

const LOST =
  'it has replayed more than the primary has written: a history that a failover has ended; rebuild it from the primary (pg_rewind, or a new base backup)';
const USABLE: Verdict = { state: 'usable' };
