import type { History, Position } from '../position.js';
import type { Role } from '../routing/route.js';
import type { Lag } from './lag-history.js';
import type { ProbeAnswer } from '../connector.js';
import type { Engine, SeenPrimary } from '../engine.js';

/** What a node should be. */
export interface Expected {
  /** The role it plays in the cluster now. */
  readonly role: Role;
  /** What is known of the primary, as far as it is known. */
  readonly primary: PrimaryFacts;
}

/** What is known of the primary. */
export interface PrimaryFacts {
  readonly position?: Position | undefined;
  /** By `nextInSequence`: when it was asked for its position, if it could be written then. No replica had replayed more before. */
  readonly headAsked?: number | undefined;
  /** The first position seen of it as the head of this history: what lies before may be another one's elsewhere. */
  readonly firstHead?: Position | undefined;
  /** Of a primary whose log is not all on disk: where it ends there. What was committed until then lies before. */
  readonly flushed?: { readonly position: Position; readonly untilMs: number } | undefined;
  /** The newest seen: a server that can be written on an older one is a former primary. */
  readonly history?: History | undefined;
  /** Since when it is on this history, if it was seen on another one before, in ms; `undefined`: it was not. */
  readonly historySinceMs?: number | undefined;
  /** The server that was last seen to write this history: kept when its position is forgotten. */
  readonly writer?: SeenPrimary | undefined;
  readonly systemId?: string | undefined;
  readonly serverId?: string | undefined;
}

/** The options about lag. */
export interface LagLimits {
  readonly maxLagMs: number;
  readonly maxLagBytes: number;
  readonly hardMaxLagMs: number;
}

/** What is asked of the engine. */
export type JudgingEngine = Pick<Engine, 'isOlder' | 'isFormer' | 'findings' | 'compareServers'>;

/** What is known besides the answer. */
export interface JudgeContext {
  readonly engine: JudgingEngine;
  readonly expected: Expected;
  readonly lag: Lag | undefined;
  readonly wasLagging: boolean;
  /** The replica has replayed what the primary never had, see `Divergence`. */
  readonly hasDiverged: boolean;
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
  return role === 'primary'
    ? judgePrimary(answer, primary, context.engine)
    : judgeReplica(answer, primary, context);
}

function judgePrimary(answer: ProbeAnswer, primary: PrimaryFacts, engine: JudgingEngine): Verdict {
  if (answer.role === 'replica') return { state: 'is-replica', detail: engine.findings.replicaAsPrimary };
  const [found, known] = [answer.history, primary.history];
  if (found !== undefined && known !== undefined && isFormerPrimary(answer, primary, engine))
    return { state: 'is-replica', detail: engine.findings.formerPrimary(found, known) };
  return USABLE;
}

/** Whether the cluster has gone on without a server that can be written. */
export function isFormerPrimary(
  answer: ProbeAnswer,
  { history: known, writer }: PrimaryFacts,
  { isOlder, isFormer }: JudgingEngine,
): boolean {
  const { history } = answer;
  if (history === undefined || known === undefined) return false;
  if (isOlder) return isOlder(history, known);
  return writer !== undefined && isFormer?.(asPrimary(answer), writer) === true;
}

/** What a server that can be written has shown of itself. */
export function asPrimary({ position, serverId, writers }: ProbeAnswer): SeenPrimary {
  return { position, serverId, writers };
}

function judgeReplica(answer: ProbeAnswer, primary: PrimaryFacts, context: JudgeContext): Verdict {
  const { findings } = context.engine;
  if (isForeign(answer, primary)) {
    const detail = findings.foreign(String(answer.systemId), String(primary.systemId));
    return { state: 'misconfigured', detail };
  }
  if (answer.role === 'primary') {
    const detail = isSameServer(answer, primary, context.engine)
      ? 'its address leads to the primary'
      : findings.primaryAsReplica;
    return { state: 'is-primary', detail };
  }
  if (context.hasDiverged) return { state: 'misconfigured', detail: findings.diverged };
  return context.lag === undefined ? USABLE : judgeLag(context.lag, context);
}

/** A standby is a good replica even where the primary's address leads to it: that is the primary's problem. */
function isSameServer({ serverId: id }: ProbeAnswer, primary: PrimaryFacts, engine: JudgingEngine): boolean {
  if (id === undefined || primary.serverId === undefined) return false;
  return engine.compareServers(id, primary.serverId) === 'same';
}

/** Whether it belongs to another database cluster than the primary. */
export function isForeign({ systemId }: ProbeAnswer, primary: PrimaryFacts): boolean {
  return systemId !== undefined && primary.systemId !== undefined && systemId !== primary.systemId;
}

function judgeLag(lag: Lag, { wasLagging, limits }: JudgeContext): Verdict {
  const bytes = lag.bytes === undefined ? '' : ` and ${lag.bytes} bytes`;
  const detail = `it is ${Math.round(lag.ms / 100) / 10} s${bytes} behind the primary`;
  if (lag.ms > limits.hardMaxLagMs) return { state: 'stale', detail };
  // It returns well below the limit, since around the limit it would come and go.
  const share = wasLagging ? 0.8 : 1;
  const isLagging = lag.ms > limits.maxLagMs * share || (lag.bytes ?? 0) > limits.maxLagBytes * share;
  return isLagging ? { state: 'lagging', detail } : USABLE;
}

const USABLE: Verdict = { state: 'usable' };
