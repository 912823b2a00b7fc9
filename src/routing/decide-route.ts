import type { Position } from '../position.js';
import { decideFallback, decidePrimary } from './decide-fallback.js';
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
import type { ClusterView, Requirement, RouteCandidate, RouteQuery, RouteView } from './route-input.js';

/**
 * Decides where a query goes. Whatever has a say is in `query` and `view`; the plan carries one of these reasons.
 *
 * Reasons of the **intent**, the first that holds (`resolve-intent.ts`). The primary serves those that want it; a replica
 * serves those that want a replica, unless a reason of the second list stands against it.
 *
 * - `in-transaction`: inside a transaction. Never in a plan: such a query takes no connection of its own;
 * - `explicit`: a block or view in code: `usePrimary()`, `useReplica()`, `.primary`, `.replica`;
 * - `wrote-earlier`: primary, since the unit of work has written on this cluster;
 * - `promoted`: primary, since the unit, or an earlier one of its handler, wrote under a replica intent
 *   (`onReplicaWrite: 'promote'`), or writes after its handler has ended;
 * - `changes-database`: primary, by `@ChangesDatabase()`;
 * - `use-slave`: replica, by `@UseSlave()`;
 * - `rule`: either, by `routing.rules`;
 * - `read-method`, `write-method`: replica or primary, by the HTTP method (`routing.readMethods`);
 * - `read-operation`, `write-operation`: replica for a GraphQL query, primary for a mutation or a subscription;
 * - `outside-unit`: primary, since neither a request nor a block says more: messages, cron, scripts, start-up.
 *
 * Why a query that wants a replica gets the **primary** all the same, in the order in which they are looked at:
 *
 * - `mode-observe`, `mode-primary-only`: `routing.mode` sends everything there, for now;
 * - `behind-schema`: a replica failed this query with an unknown table, column or function, or an unlogged table;
 * - `no-replicas`: the cluster has none;
 * - `no-usable-replica`: each has failed this query, does not answer, is misconfigured, was not heard of for too long,
 *   lags beyond `hardMaxLagMs`, or has not replayed what the primary had written at start-up;
 * - `client-wrote-recently`: the client has a token that no position can satisfy yet (written without a position, before
 *   a failover, on another cluster, or not readable here, such as when its carrier fails), or any live token at the level
 *   `'primary'`. Not under `@UseSlave()`;
 * - `behind-token`: the replicas that may serve have not replayed the client's write within `maxWaitMs`; a connection
 *   could not prove that it has; or all stand behind poolers that hide their servers per transaction. Not under
 *   `@UseSlave()`, but for the second.
 *
 * With these reasons the primary serves at most `primaryFallback.maxConcurrent` reads at a time, or none; the refusal then
 * carries the reason. While the primary is down, `whenPrimaryDown: 'stale'` has a replica serve them, for the reason of
 * the intent.
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

/** The second half of the decision: which replicas may serve what is known of the client. */
export function decideReplica<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
): SettledPlan<C> | AwaitReplicas<C> {
  const { failed } = query;
  const replicas = unfailed(view.replicas, failed);
  if (replicas.length === 0) return decideFallback(query, view, failed ? 'no-usable-replica' : 'no-replicas');
  if (isHidingMatter(query, view, replicas)) return decideHidden(query, view, replicas);
  if (isPinned(query, view)) return decideFallback(query, view, 'client-wrote-recently');
  return (
    serveNow(query, view, replicas) ??
    awaitPosition(query, view, replicas) ??
    decideFallback(query, view, 'no-usable-replica')
  );
}

/** What follows on a wait: `replayed` are those that have replayed the position by now. */
export function decideAfterWait<C extends RouteCandidate>(
  { plan, replayed }: { readonly plan: AwaitReplicas<C>; readonly replayed: readonly C[] },
  query: RouteQuery,
  view: ClusterView<C>,
): SettledPlan<C> {
  const { reason, ownWrites } = query.choice;
  if (isNonEmpty(replayed)) {
    const mustProve = ownWrites ? plan.position : undefined;
    return { kind: 'replica', candidates: replayed, reason, mustProve, tokenFate: 'satisfied-after-wait' };
  }
  if (plan.otherwise === 'primary') return decideFallback(query, view, 'behind-token');
  const { candidates } = plan;
  return { kind: 'replica', candidates, reason, mustProve: undefined, tokenFate: undefined };
}

// Made once, so that asking allocates nothing.
const CHOOSE: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: true });
const CHOOSE_UNASKED: ChooseReplica = Object.freeze({ kind: 'choose', needsTokens: false });
const UNROUTED = { observe: 'mode-observe', 'primary-only': 'mode-primary-only' } as const;

/**
 * Some addresses hide several servers, and the client must see a position: what is known of it holds for the other
 * addresses only. A connection of its own server can prove it by itself, one of a pooler's cannot.
 */
function decideHidden<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): SettledPlan<C> | AwaitReplicas<C> {
  const known = visible(replicas);
  const unproven = provable(replicas);
  if (known.length + unproven.length === 0) return decideFallback(query, view, 'behind-token');
  if (isPinned(query, view)) return decideFallback(query, view, 'client-wrote-recently');
  return (
    serveNow(query, view, known) ??
    serveOnProof(query, view, unproven) ??
    awaitPosition(query, view, known) ??
    decideFallback(query, view, 'no-usable-replica')
  );
}

function isHidingMatter<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): boolean {
  if (!query.choice.ownWrites || positionOf(query, view) === undefined) return false;
  return replicas.some(({ endpoint }) => endpoint.kind !== 'server');
}

/** The pin stands for a position that nobody knows: only the primary can satisfy it. */
function isPinned<C extends RouteCandidate>(
  { choice, level }: RouteQuery,
  { required, nowMs }: RouteView<C>,
): boolean {
  if (!choice.ownWrites || level === 'eventual') return false;
  const { position, pinnedUntilMs } = required;
  if (level === 'primary') return position !== undefined || pinnedUntilMs !== undefined;
  return pinnedUntilMs !== undefined && pinnedUntilMs > nowMs;
}

/** The position that a replica must have, at this level. */
function positionOf<C extends RouteCandidate>(
  { level }: RouteQuery,
  { required }: RouteView<C>,
): Position | undefined {
  return level === 'session' ? required.position : undefined;
}

/** The best replicas that are known to have the position. */
function serveNow<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const candidates = areAllReady(replicas, view, positionOf(query, view))
    ? (keepsPrevious(replicas, view.previous) ?? replicas)
    : best(query, view, replicas);
  return isNonEmpty(candidates) ? leaseReplica(query, view, candidates) : undefined;
}

/** The best replicas whatever they have replayed, since their connections prove it. */
function serveOnProof<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): LeaseReplica<C> | undefined {
  const plan = serveNow(query, { ...view, required: NOTHING }, replicas);
  return plan && leaseReplica(query, view, plan.candidates);
}

/** The best replicas that may have the position soon. */
function awaitPosition<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): AwaitReplicas<C> | undefined {
  const position = positionOf(query, view);
  const candidates = withinLag(fresh(answering(replicas, view), view));
  if (position === undefined || !isNonEmpty(candidates)) return undefined;
  const otherwise = query.choice.ownWrites ? 'primary' : 'replica';
  return { kind: 'wait', candidates, position, reason: 'behind-token', otherwise };
}

function best<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  replicas: readonly C[],
): readonly C[] {
  const alive = answering(replicas, view);
  const same = sameAsBefore(query, view, alive);
  if (same) return same;
  const candidates = caughtUp(withinLag(fresh(alive, view)), view, positionOf(query, view));
  return keepsPrevious(candidates, view.previous) ?? candidates;
}

/**
 * The replica that this unit used before, even if others are better by now, as long as it answers. A unit that need
 * not see its client's writes has waited for them once, at its first query.
 */
function sameAsBefore<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  alive: readonly C[],
): NonEmpty<C> | undefined {
  if (view.previous === undefined) return undefined;
  const candidates = steady(alive);
  const position = query.choice.ownWrites ? positionOf(query, view) : undefined;
  return keepsPrevious(caughtUp(candidates, view, position), view.previous);
}

function leaseReplica<C extends RouteCandidate>(
  query: RouteQuery,
  view: RouteView<C>,
  candidates: NonEmpty<C>,
): LeaseReplica<C> {
  const { reason, ownWrites } = query.choice;
  const position = positionOf(query, view);
  const tokenFate = position === undefined ? undefined : 'satisfied';
  return { kind: 'replica', candidates, reason, mustProve: ownWrites ? position : undefined, tokenFate };
}

const NOTHING: Requirement = Object.freeze({});
