import { hasReached, mergeKnown, type History, type Position, type Positions } from '../position.js';
import { NO_REQUIREMENT, type Requirement } from '../routing/route-input.js';
import type { OpenedToken } from './envelope.js';
import type { TokenReason } from '../routing/route.js';
import type { Token } from './token.js';

/** What tokens are judged by. */
export interface RequirementContext {
  /** Identifier of our database cluster; `undefined`: not known yet, or it has none. */
  readonly clusterId: string | undefined;
  /** History of our primary; `undefined`: not known yet. */
  readonly history: History | undefined;
  /** A position of this history: replicas that have not replayed it may not have followed. */
  readonly firstHead?: Position | undefined;
  /** What was committed until then lies before this position, and what lies behind it replicas cannot have yet. */
  readonly flushed?: { readonly position: Position; readonly untilMs: number } | undefined;
  /** Until then some replicas may be taken for followers that are not, in ms; `undefined`: all is known. */
  readonly settledAtMs?: number | undefined;
  readonly positions: Positions;
  readonly nowMs: number;
  readonly maxAgeMs: number;
}

/**
 * Reduces the tokens of a client to what they demand together. What is malformed, forged or expired demands nothing;
 * what cannot be compared with our positions is a token of time. Clocks of instances may differ: one that runs ahead never
 * makes a read stale, and keeps nobody on the primary for longer than twice `maxAgeMs`.
 */
export function requirementOf(opened: readonly OpenedToken[], context: RequirementContext): Requirement {
  return opened.reduce(
    (demand, one) => stricter(demand, demandOf(one, context), context.positions),
    NO_REQUIREMENT,
  );
}

function demandOf(opened: OpenedToken, context: RequirementContext): Requirement {
  switch (opened.kind) {
    case 'token':
      return demandOfToken(opened.token, context);
    case 'not-understood':
      return ofTime(
        opened.issuedAtMs,
        opened.why === 'carrier-failed' ? opened.why : 'unread-token',
        context,
      );
    case 'malformed':
    case 'forged':
      return NO_REQUIREMENT;
    default:
      return opened satisfies never;
  }
}

function demandOfToken(token: Token, context: RequirementContext): Requirement {
  if (context.nowMs - token.issuedAtMs > context.maxAgeMs) return NO_REQUIREMENT;
  const isOtherCluster = context.clusterId !== undefined && context.clusterId !== token.clusterId;
  if (isOtherCluster)
    return ofTime(token.issuedAtMs, token.clusterId ? 'foreign-token' : 'unread-token', context);
  if (token.position === undefined) return ofTime(token.issuedAtMs, 'client-wrote-recently', context);
  if (isOurHistory(token, context)) {
    const position = mergeKnown(context.positions, reachable(token, context), context.firstHead);
    return { ...untilSettled(context), position };
  }
  // Of another history the position holds as well: what was replicated before a failover lies at the same place
  // after it, and a replica that lags must not show the state before it.
  const isComparable = context.history !== undefined && (context.clusterId ?? '') === token.clusterId;
  const reason = isComparable ? 'after-failover' : 'unread-token';
  return { ...ofTime(token.issuedAtMs, reason, context), position: token.position };
}

/** Behind a write, the log of another session may lie that is not on disk, for as long as nothing asks for that. */
function reachable(
  { position, issuedAtMs }: Token,
  { flushed, positions }: RequirementContext,
): Position | undefined {
  const isBeyond = flushed !== undefined && hasReached(positions, position, flushed.position);
  return isBeyond && issuedAtMs + CLOCKS_MS < flushed.untilMs ? flushed.position : position;
}

/** By how much the clocks of instances may differ. */
const CLOCKS_MS = 1_000;

function untilSettled({ settledAtMs }: RequirementContext): Requirement {
  return settledAtMs === undefined ? {} : { pinnedUntilMs: settledAtMs, pinnedBy: 'after-failover' };
}

/** Databases whose clusters have no identifier leave it out of their tokens, too. */
function isOurHistory(token: Token, { clusterId = '', history }: RequirementContext): boolean {
  return clusterId === token.clusterId && history !== undefined && history === token.history;
}

function ofTime(issuedAtMs: number, writtenBy: TokenReason, context: RequirementContext): Requirement {
  // One that is dated further ahead is not believed, or it would never end.
  if (Math.abs(context.nowMs - issuedAtMs) > context.maxAgeMs) return NO_REQUIREMENT;
  return { ...untilSettled(context), writtenAtMs: issuedAtMs, writtenBy };
}

function stricter(a: Requirement, b: Requirement, positions: Positions): Requirement {
  if (a === NO_REQUIREMENT) return b;
  const { pinnedUntilMs, pinnedBy } = a.pinnedUntilMs === undefined ? b : a; // there is one failover to wait for
  const position = mergeKnown(positions, a.position, b.position);
  return { position, pinnedUntilMs, pinnedBy, ...laterWrite(a, b) };
}

/** Of two of the same time, the write counts: it is what the client knows of. */
function laterWrite(a: Requirement, b: Requirement): Pick<Requirement, 'writtenAtMs' | 'writtenBy'> {
  const [ofA, ofB] = [a.writtenAtMs ?? -Infinity, b.writtenAtMs ?? -Infinity];
  const isOfA = ofA === ofB ? a.writtenBy === 'client-wrote-recently' : ofA > ofB;
  const { writtenAtMs, writtenBy } = isOfA ? a : b;
  return { writtenAtMs, writtenBy };
}
