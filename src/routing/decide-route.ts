import { decideFallback, decidePrimary, type FallbackQuery } from './decide-fallback.js';
import {
  answering,
  areAllReady,
  caughtUp,
  fresh,
  isNonEmpty,
  keepsPrevious,
  provable,
  steady,
  unfailed,
  visible,
  withinLag,
  type NonEmpty,
} from './narrow-replicas.js';
import type { AwaitReplicas, ChooseReplica, LeaseReplica, SettledPlan } from './plan.js';
import type { ConsistencyLevel } from './resolve-intent.js';
import type { ClusterView, ReplicaInput, Requirement, RouteCandidate, RouteQuery } from './route-input.js';

/**
 * Decides where a query goes: to the primary, or to the replica that `decideReplica` finds. Both are pure, and so is what
 * follows on a wait (`decideAfterWait`, `decideWithPermit`). Every plan carries one of these reasons.
 *
 * Reasons of the **intent**, of which the first that holds counts (`resolve-intent.ts`). The primary serves a query that
 * wants it; a replica serves one that wants a replica, unless a reason of the second list stands against it.
 *
 * - `in-transaction`: inside a transaction. Never in a plan, since such a query takes no connection of its own;
 * - `explicit`: a block or view in code: `usePrimary()`, `useReplica()`, `.primary`, `.replica`;
 * - `wrote-earlier`: primary, since the unit of work has written on this cluster;
 * - `promoted`: primary, since the unit, or an earlier one of its handler, wrote under a replica intent
 *   (`onReplicaWrite: 'promote'`), or writes after its handler has ended;
 * - `changes-database`: primary, by `@ChangesDatabase()`;
 * - `use-slave`: replica, by `@UseSlave()`;
 * - `rule`: either, by `routing.rules`;
 * - `read-method`, `write-method`: replica or primary, by the HTTP method (`routing.readMethods`);
 * - `read-operation`, `write-operation`: replica for a GraphQL query, primary for a mutation or a subscription;
 * - `outside-unit`: primary, since nothing says more: messages, cron, scripts, start-up.
 *
 * Why a query that wants a replica gets the **primary** all the same, in the order in which this is looked at:
 *
 * - `mode-observe`, `mode-primary-only`: `routing.mode` sends everything there;
 * - `behind-schema`: a replica failed this query with an unknown table, column or function, or with an unlogged table;
 * - `no-replicas`: the cluster has none;
 * - `client-wrote-recently`: the client brings a token that no position can satisfy yet: of a write whose position is not
 *   known, of before a failover or right behind one, of another cluster, not readable here, or not to be had since its
 *   carrier failed. At the level `'primary'`: any live token. Never under `@UseSlave()`;
 * - `no-usable-replica`: each one has failed this query, does not answer, was not seen for too long, is draining, is not
 *   what the options say, lags beyond `hardMaxLagMs`, or has not replayed what the primary had written at start-up;
 * - `behind-token`: those that could serve have not replayed the client's write within `maxWaitMs` (`@UseSlave()` reads
 *   them all the same), or all stand behind poolers that hide their servers. Or one was chosen behind an address of
 *   several servers, and its connection could not prove that it has the client's write, or what the primary had written
 *   at start-up.
 *
 * But for the modes, the primary serves `primaryFallback.maxConcurrent` of these at a time, or none: the refusal carries
 * the reason. While the primary is down all are refused; with `whenPrimaryDown: 'stale'`, but for the modes, a replica
 * serves them, for the reason of the intent.
 */
export function decideRoute<C extends RouteCandidate>(
  query: RouteQuery,
  cluster: ClusterView<C>,
): SettledPlan<C> | ChooseReplica {
  const { choice, mode, fallback, level } = query;
  if (choice.intent === 'primary') return decidePrimary(cluster.primary, choice.reason);
  if (mode !== 'route') return decidePrimary(cluster.primary, UNROUTED[mode]);
  if (fallback !== undefined) return decideFallback(query, cluster, fallback);
  return level === 'eventual' ? CHOOSE_UNASKED : CHOOSE;
}

/** What the client's tokens demand at a level of consistency. */
export function requiredAt(level: ConsistencyLevel, required: Requirement): Requirement {
  switch (level) {
    case 'session':
      return required;
    case 'primary':
      return required.position === undefined && required.pinnedUntilMs === undefined ? NOTHING : PRIMARY_ONLY;
    case 'eventual':
      return NOTHING;
    default:
      return level satisfies never;
  }
}

/**
 * The second half of the decision: which replicas may serve the client. Its steps narrow down the replicas, in the order
 * in which they are preferred: those that serve now, those that a connection may prove, those worth a short wait.
 */
export function decideReplica<C extends RouteCandidate>(
  input: ReplicaInput<C>,
): SettledPlan<C> | AwaitReplicas<C> {
  const { cluster, failed } = input;
  const replicas = unfailed(cluster.replicas, failed);
  if (replicas.length === 0)
    return decideFallback(input, cluster, failed ? 'no-usable-replica' : 'no-replicas');
  if (isHidingMatter(input, replicas)) return decideHidden(input, replicas);
  if (isPinned(input)) return decideFallback(input, cluster, 'client-wrote-recently');
  return (
    serveNow(input, replicas) ??
    awaitPosition(input, replicas) ??
    decideFallback(input, cluster, 'no-usable-replica')
  );
}

/** What follows on a wait: `replayed` are those that have replayed the position by now. */
export function decideAfterWait<C extends RouteCandidate>(
  { plan, replayed }: { readonly plan: AwaitReplicas<C>; readonly replayed: readonly C[] },
  query: FallbackQuery,
  cluster: ClusterView<C>,
): SettledPlan<C> {
  const { reason, ownWrites } = query.choice;
  if (isNonEmpty(replayed)) {
    const mustProve = ownWrites ? plan.position : undefined;
    const tokenFate = 'satisfied-after-wait';
    return { kind: 'replica', candidates: replayed, reason, mustProve, tokenFate, stale: undefined };
  }
  if (plan.otherwise === 'primary') return decideFallback(query, cluster, 'behind-token');
  const { candidates } = plan;
  const stale = 'use-slave';
  return { kind: 'replica', candidates, reason, mustProve: undefined, tokenFate: undefined, stale };
}

/**
 * Some addresses hide several servers, and the client must see a position: what is known of it holds for the other
 * addresses only. A connection of its own server can prove it by itself, one of a pooler's cannot.
 */
function decideHidden<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): SettledPlan<C> | AwaitReplicas<C> {
  const { cluster } = input;
  const known = visible(replicas);
  const unproven = provable(replicas);
  if (known.length + unproven.length === 0) return decideFallback(input, cluster, 'behind-token');
  if (isPinned(input)) return decideFallback(input, cluster, 'client-wrote-recently');
  return (
    serveNow(input, known) ??
    serveOnProof(input, unproven) ??
    awaitPosition(input, known) ??
    decideFallback(input, cluster, 'no-usable-replica')
  );
}

function isHidingMatter<C extends RouteCandidate>(
  { choice, required }: ReplicaInput<C>,
  replicas: readonly C[],
): boolean {
  if (required.position === undefined || !choice.ownWrites) return false;
  return replicas.some(({ endpoint }) => endpoint.kind !== 'server');
}

/** The pin stands for a position that nobody knows: only the primary can satisfy it. */
function isPinned({ choice, required, nowMs }: ReplicaInput<RouteCandidate>): boolean {
  return required.pinnedUntilMs !== undefined && required.pinnedUntilMs > nowMs && choice.ownWrites;
}

/** The best replicas that are known to have the position. */
function serveNow<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const candidates = areAllReady(replicas, input, input.required.position)
    ? (keepsPrevious(replicas, input.previous) ?? replicas)
    : best(input, replicas);
  return isNonEmpty(candidates) ? leaseReplica(input, candidates) : undefined;
}

/** The best replicas whatever they have replayed, since their connections prove it. */
function serveOnProof<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const plan = serveNow({ ...input, required: NOTHING }, replicas);
  return plan && leaseReplica(input, plan.candidates);
}

/** The best replicas that may have the position soon. */
function awaitPosition<C extends RouteCandidate>(
  input: ReplicaInput<C>,
  replicas: readonly C[],
): AwaitReplicas<C> | undefined {
  const { position } = input.required;
  const candidates = withinLag(fresh(answering(replicas, input), input));
  if (position === undefined || !isNonEmpty(candidates)) return undefined;
  const otherwise = input.choice.ownWrites ? 'primary' : 'replica';
  return { kind: 'wait', candidates, position, reason: 'behind-token', otherwise };
}

function best<C extends RouteCandidate>(input: ReplicaInput<C>, replicas: readonly C[]): readonly C[] {
  const alive = answering(replicas, input);
  const same = sameAsBefore(input, alive);
  if (same) return same;
  const candidates = caughtUp(withinLag(fresh(alive, input)), input, input.required.position);
  return keepsPrevious(candidates, input.previous) ?? candidates;
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

function leaseReplica<C extends RouteCandidate>(
  { choice, required: { position } }: ReplicaInput<C>,
  candidates: NonEmpty<C>,
): LeaseReplica<C> {
  const mustProve = choice.ownWrites ? position : undefined;
  const tokenFate = position === undefined ? undefined : 'satisfied';
  return { kind: 'replica', candidates, reason: choice.reason, mustProve, tokenFate, stale: undefined };
}

// Made once, so that asking allocates nothing.
const CHOOSE: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: true });
const CHOOSE_UNASKED: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: false });
const UNROUTED = { observe: 'mode-observe', 'primary-only': 'mode-primary-only' } as const;
const NOTHING: Requirement = Object.freeze({ position: undefined, pinnedUntilMs: undefined });
const PRIMARY_ONLY: Requirement = Object.freeze({ position: undefined, pinnedUntilMs: Infinity });
