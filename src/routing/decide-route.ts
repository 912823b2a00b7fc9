import { decideFallback, decidePrimary } from './decide-fallback.js';
import {
  eligible,
  caughtUp,
  complete,
  fresh,
  isNonEmpty,
  keepsPrevious,
  mayMissWrites,
  mostReplayed,
  provable,
  steady,
  unfailed,
  unheard,
  visible,
  withinLag,
  type NonEmpty,
} from './narrow-replicas.js';
import { hasReached, type Position } from '../position.js';
import { isUnknownGroup, nearest, noStaler, ofGroup } from './place-reads.js';
import type { AskReplicas, AwaitReplicas, ChooseReplica, LeaseReplica, SettledPlan } from './plan.js';
import type { TokenReason } from './route.js';
import {
  NO_REQUIREMENT,
  type ClusterView,
  type ReplicaInput,
  type RouteCandidate,
  type RouteQuery,
} from './route-input.js';

/**
 * Decides where a query goes: to the primary, or to the replica that `decideReplica` finds. Both are pure, and so is what
 * follows on a wait (`decideAfterWait`, `decideWithPermit` in `decide-fallback.ts`). Every plan carries a reason: `route.ts`
 * says when each arises.
 */
export function decideRoute<C extends RouteCandidate>(
  query: RouteQuery,
  cluster: ClusterView<C>,
): SettledPlan<C> | ChooseReplica {
  const { choice, mode, fallback, kept, level } = query;
  if (choice.intent === 'primary') return decidePrimary(cluster.primary, choice.reason);
  if (mode !== 'route') return decidePrimary(cluster.primary, UNROUTED[mode]);
  if (fallback !== undefined) {
    const plan = decideFallback(query, cluster, fallback);
    // Another replica may go through with it.
    if (plan.kind !== 'unavailable' || fallback !== 'recovery-conflict') return plan;
  }
  if (kept !== undefined) {
    const plan = decideFallback(query, cluster, kept);
    if (plan.kind === 'primary') return plan;
  }
  return level === 'eventual' ? CHOOSE_UNASKED : CHOOSE;
}

/**
 * The second half of the decision: which replicas may serve the client. Of those that are meant for the read, its steps
 * narrow down, in the order in which they are preferred: those that serve now, those that a connection may prove, those worth a short wait.
 */
export function decideReplica<C extends RouteCandidate>(
  input: ReplicaInput<C>,
): SettledPlan<C> | AwaitReplicas<C> | AskReplicas<C> {
  const { choice, cluster, failed, required } = input;
  const { group, maxLagMs } = choice;
  if (group !== undefined && isUnknownGroup(group, cluster))
    return { kind: 'unavailable', error: 'unknown-group', reason: choice.reason };
  const all = group === undefined && cluster.groups.size === 0 ? cluster.replicas : ofGroup(cluster, choice);
  const left = failed ? unfailed(all, failed) : all;
  if (left.length === 0) return decideFallback(input, cluster, failed ? 'no-usable-replica' : 'no-replicas');
  const untried = maxLagMs === undefined ? left : noStaler(left, input);
  if (untried.length === 0) return decideFallback(input, cluster, 'too-stale');
  if (required === NO_REQUIREMENT)
    return serveNow(input, untried) ?? askFirst(input, untried) ?? noneUsable(input, untried);
  const replicas = withWrites(input, untried);
  if (isHidingMatter(input, replicas)) return decideHidden(input, replicas);
  const pinnedBy = pinOf(input);
  if (pinnedBy) return decideFallback(input, cluster, pinnedBy);
  return (
    serveNow(input, replicas) ??
    awaitPosition(input, replicas) ??
    askFirst(input, untried) ??
    (replicas.length > 0
      ? noneUsable(input, replicas)
      : decideFallback(input, cluster, required.writtenBy ?? 'no-usable-replica'))
  );
}

/**
 * Some addresses hide several servers, and the client must see a position: what is known of it holds for the other
 * addresses only. A connection of its own server can prove it by itself, one of a pooler's cannot.
 */
function decideHidden<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): SettledPlan<C> | AwaitReplicas<C> | AskReplicas<C> {
  const { cluster } = input;
  const known = visible(replicas);
  const unproven = provable(replicas);
  if (known.length + unproven.length === 0) return decideFallback(input, cluster, 'behind-token');
  const pinnedBy = pinOf(input);
  if (pinnedBy) return decideFallback(input, cluster, pinnedBy);
  return (
    serveNow(input, known) ??
    serveOnProof(input, unproven) ??
    awaitPosition(input, known) ??
    askFirst(input, known) ??
    noneUsable(input, replicas)
  );
}

function isHidingMatter<C extends RouteCandidate>(
  { choice, required }: ReplicaInput<C>,
  replicas: readonly C[],
): boolean {
  if (required.position === undefined || !choice.ownWrites) return false;
  return replicas.some(({ endpoint }) => endpoint.kind !== 'server');
}

/** Before they are given up: this process may have stood still, and they have not. */
function askFirst<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): AskReplicas<C> | undefined {
  if (input.wereAsked) return undefined;
  const candidates = unheard(replicas, input);
  return isNonEmpty(candidates) ? { kind: 'ask', candidates } : undefined;
}

/** Those that have what was written at a position that nobody knows; for a unit that need not see it, preferably. */
function withWrites<C extends RouteCandidate>(input: ReplicaInput<C>, replicas: readonly C[]): readonly C[] {
  const { writtenAtMs } = input.required;
  if (writtenAtMs === undefined) return replicas;
  const known = complete(replicas, input, writtenAtMs);
  return input.choice.ownWrites || known.length > 0 ? known : replicas;
}

/** Only the primary will do until then. */
function pinOf({ choice, required, nowMs }: ReplicaInput<RouteCandidate>): TokenReason | undefined {
  const { pinnedUntilMs, pinnedBy } = required;
  return pinnedUntilMs !== undefined && pinnedUntilMs > nowMs && choice.ownWrites ? pinnedBy : undefined;
}

/** Some might serve, had they not to have the floor of the start. */
function noneUsable<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): SettledPlan<C> {
  const { floor, ...terms } = input.cluster.terms;
  const withoutFloor = floor === undefined ? [] : eligible(replicas, { ...input, cluster: { terms } });
  return decideFallback(input, input.cluster, withoutFloor.length > 0 ? 'behind-start' : 'no-usable-replica');
}

/** The best replicas that are known to have the position. */
function serveNow<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const { choice, previous, required } = input;
  const { position } = required;
  const ready = allReady(replicas, input, position);
  const found = ready ? (previous && keepsPrevious(ready, previous)) || ready : best(input, replicas);
  if (!found) return undefined;
  const { zone } = input.cluster.terms;
  const furthest = previous === undefined ? found : mostReplayed(found, input);
  const candidates = zone === undefined ? furthest : nearest(furthest, zone);
  const mustProve = choice.ownWrites ? position : undefined;
  const isStale = required !== NO_REQUIREMENT && mayMissWrites(candidates[0], input);
  const tokenFate = position === undefined || isStale ? undefined : 'satisfied';
  const stale = isStale ? 'use-slave' : undefined;
  return { kind: 'replica', candidates, reason: choice.reason, mustProve, tokenFate, stale };
}

/** All of them, if there are some and every step would keep each: the usual case, found out in one pass. */
function allReady<C extends RouteCandidate>(
  replicas: readonly C[],
  { cluster, nowMs }: ReplicaInput<C>,
  position: Position | undefined,
): NonEmpty<C> | undefined {
  const { positions, floor, snapshotMaxAgeMs } = cluster.terms;
  const seenSinceMs = nowMs - snapshotMaxAgeMs;
  for (const { snapshot } of replicas) {
    if (snapshot.state !== 'usable' || (snapshot.seenAtMs ?? -Infinity) < seenSinceMs) return undefined;
    const have = snapshot.place.position;
    if (floor !== undefined && (have === undefined || !positions.covers(have, floor))) return undefined;
    if (position !== undefined && !hasReached(positions, have, position)) return undefined;
  }
  return replicas.length > 0 ? (replicas as NonEmpty<C>) : undefined;
}

/** The best replicas whatever they have replayed, since their connections prove it. */
function serveOnProof<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const plan = serveNow({ ...input, required: NO_REQUIREMENT }, replicas);
  return plan && { ...plan, mustProve: input.required.position, tokenFate: 'satisfied' };
}

/** The best replicas that may have the position soon. */
function awaitPosition<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): AwaitReplicas<C> | undefined {
  const { position } = input.required;
  const candidates = withinLag(fresh(eligible(replicas, input), input));
  if (position === undefined || !isNonEmpty(candidates)) return undefined;
  const otherwise = input.choice.ownWrites ? 'primary' : 'replica';
  return { kind: 'wait', candidates, position, reason: 'behind-token', otherwise };
}

function best<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): NonEmpty<C> | undefined {
  const alive = eligible(replicas, input);
  const same = sameAsBefore(input, alive);
  if (same) return same;
  const candidates = caughtUp(withinLag(fresh(alive, input)), input, input.required.position);
  return keepsPrevious(candidates, input.previous) ?? (isNonEmpty(candidates) ? candidates : undefined);
}

/**
 * The replica that this unit used before, even if others are better by now, as long as it answers. A unit that need
 * not see its client's writes has waited for them once, at its first query.
 */
function sameAsBefore<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  alive: readonly C[],
): NonEmpty<C> | undefined {
  const { choice, required, previous } = input;
  if (previous === undefined) return undefined;
  const position = choice.ownWrites ? required.position : undefined;
  return keepsPrevious(caughtUp(steady(alive), input, position), previous);
}

// Made once, so that asking allocates nothing.
const CHOOSE: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: true });
const CHOOSE_UNASKED: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: false });
const UNROUTED = {
  observe: 'mode-observe',
  'primary-only': 'mode-primary-only',
  'outside-share': 'outside-share',
} as const;
