import { NO_REQUIREMENT } from '../../tokens/requirement.js';
import type { ClusterWork } from '../../context/cluster-work.js';
import { levelOf } from '../../context/consistency-level.js';
import { explicitIntent, type Scope } from '../../context/scope.js';
import type { HandlerMarks, UnitOfWork } from '../../context/unit-of-work.js';
import type { RoutingMode } from '../../options/options.js';
import { decideWithPermit } from '../../routing/decide-fallback.js';
import { decideAfterWait, decideReplica, decideRoute, requiredAt } from '../../routing/decide-route.js';
import type { NonEmpty } from '../../routing/narrow-replicas.js';
import type { AwaitReplicas, LeasePrimary, LeaseReplica, SettledPlan } from '../../routing/plan.js';
import { preferByKey } from '../../routing/rendezvous.js';
import { intentOfQuery, intentOfUnit } from '../../routing/resolve-intent.js';
import type { Requirement } from '../../routing/route-input.js';
import type { FallbackReason, Intent, IntentChoice, Reason, Route } from '../../routing/route.js';
import type { ClusterNode, Session } from '../nodes/cluster-node.js';
import { Lease } from '../nodes/lease.js';
import { ROUTES, type RouteMessage } from '../metrics/channels.js';
import { ClientAffinity } from './client-affinity.js';
import { explainRefusal } from './explain-refusal.js';
import { FallbackPermits } from './fallback-permits.js';
import { outcomeOf, Waits } from './waits.js';
import { RouteListeners, type RouteListener } from './route-listeners.js';
import type { RouterDeps } from './router-deps.js';
import type { ReleasePermit } from './semaphore.js';

/** What a query runner wants. */
export interface Want {
  readonly scope: Scope | undefined;
  readonly choice: IntentChoice;
  /** Set when replicas have failed the query for a reason that all of them share: the primary reads, then. */
  readonly fallback?: FallbackReason;
  /** Of `.primary` and `.replica`, which say the role wherever they are used. */
  readonly isPinned?: boolean;
  /** Moved to the primary, since its unit of work has ended before. */
  readonly isAfterwards?: boolean;
  /** How long the query has waited before its route was found. */
  readonly waitedMs?: number;
}

/**
 * Finds the node for every query: carries out what `decideRoute` says. Nothing here waits, but for what a token demands,
 * and for a permit of the fall-back.
 */
export class Router {
  mode: RoutingMode;
  private readonly listeners: RouteListeners;
  private readonly affinity: ClientAffinity;
  private readonly promotedHandlers = new Set<HandlerMarks>();
  private readonly permits: FallbackPermits;
  private readonly waits: Waits;

  constructor(private readonly deps: RouterDeps) {
    this.listeners = new RouteListeners(deps.onListenerFailed);
    this.affinity = new ClientAffinity(deps.options.consistency.affinity, deps.onAffinityFailed);
    this.permits = new FallbackPermits(deps);
    this.waits = new Waits(deps.options.name, deps.clock);
    this.mode = deps.options.routing.mode;
  }

  /** Rules 2 to 7 of the precedence; rule 1 holds because a transaction keeps its query runner. */
  choiceFor(scope: Scope | undefined, pin: Intent | undefined): IntentChoice {
    if (!scope) return intentOfQuery({ explicit: pin, wrote: false, promoted: false }, OUTSIDE_UNIT);
    const { unit } = scope;
    const work = unit.on(this.cluster);
    const explicit = pin ?? explicitIntent(scope, this.cluster);
    const ofUnit = this.choiceOfUnit(unit, work);
    // What comes after the handler, and may come from elsewhere, is not held to what the handler has done.
    if (unit.hasEnded) return intentOfQuery({ explicit, wrote: false, promoted: false }, ofUnit);
    return intentOfQuery({ explicit, wrote: work.wrote, promoted: work.promoted }, ofUnit);
  }

  /** Takes a connection's worth of a node. `failed`: of the nodes that the query need not be sent to again. */
  lease(want: Want, failed?: ReadonlySet<string>): Lease | Promise<Lease> {
    const { scope, choice, fallback } = want;
    const { requirements, options, topology } = this.deps;
    const ofModule = options.consistency.level;
    const level = scope ? levelOf(scope.unit, ofModule) : ofModule;
    const plan = decideRoute({ choice, mode: this.mode, level, fallback, failed }, topology);
    if (plan.kind !== 'choose') return this.carryOut(want, plan);
    if (!scope || !plan.needsTokens) return this.choose(want, NO_REQUIREMENT, failed);
    const demand = requirements.of(scope.unit, scope.unit.on(this.cluster));
    return demand instanceof Promise
      ? demand.then((known) => this.choose(want, requiredAt(level, known), failed))
      : this.choose(want, requiredAt(level, demand), failed);
  }

  /** Sends a handler straight to the primary from now on, and says whether that is new. */
  rememberPromotion(handler: HandlerMarks): boolean {
    if (this.promotedHandlers.has(handler) || this.promotedHandlers.size >= MAX_HANDLERS) return false;
    this.promotedHandlers.add(handler);
    return true;
  }

  /** How many reads the primary serves in the place of replicas, and how many wait for that. */
  get fallback(): { readonly active: number; readonly pending: number } {
    return this.permits.semaphore;
  }

  onRoute(listener: RouteListener): () => void {
    return this.listeners.add(listener);
  }

  private get cluster(): string {
    return this.deps.options.name;
  }

  private choiceOfUnit(unit: UnitOfWork, work: ClusterWork): IntentChoice {
    if (work.choice) return work.choice;
    const { marks, origin, parent } = unit;
    if (unit.isBlock && parent) return this.choiceOfUnit(parent, parent.on(this.cluster));
    if (marks && this.promotedHandlers.has(marks)) work.promoted = true;
    const choice = intentOfUnit({
      handler: marks?.handler,
      controller: marks?.controller,
      rule: origin.path === undefined ? undefined : this.deps.ruleOf(origin.method ?? '', origin.path),
      kind: this.kindOf(unit),
    });
    // Middleware of the application runs before the handler is known: what it is told must not last.
    if (!unit.isUndecided) work.choice = choice;
    return work.promoted && !unit.hasEnded ? intentOfQuery({ wrote: false, promoted: true }, choice) : choice;
  }

  private kindOf({ origin }: UnitOfWork): Parameters<typeof intentOfUnit>[0]['kind'] {
    if (origin.operation) return { type: 'operation', operation: origin.operation };
    if (origin.kind !== 'http') return { type: 'other' };
    return { type: 'http', isReadMethod: this.deps.options.routing.readMethods.has(origin.method ?? '') };
  }

  private choose(
    want: Want,
    required: Requirement,
    failed: ReadonlySet<string> | undefined,
  ): Lease | Promise<Lease> {
    const { topology, clock } = this.deps;
    const previous = want.scope?.unit.on(this.cluster).replica;
    const { choice } = want;
    const plan = decideReplica({
      choice,
      failed,
      required,
      previous,
      cluster: topology,
      nowMs: clock.now(),
    });
    return plan.kind === 'wait' ? this.awaitReplicas(want, plan, failed) : this.carryOut(want, plan);
  }

  private async awaitReplicas(
    want: Want,
    plan: AwaitReplicas<ClusterNode>,
    failed: ReadonlySet<string> | undefined,
  ): Promise<Lease> {
    const { catchUp, options, topology } = this.deps;
    const { choice } = want;
    const { answer, waitedMs } = await this.waits.wait(want, { for: 'replay', plan }, async (message) => {
      const replayed = await catchUp.wait(plan.candidates, plan.position, options.consistency.maxWaitMs);
      const next = decideAfterWait({ plan, replayed }, { choice, failed }, topology);
      message.outcome = outcomeOf(next);
      return next;
    });
    return this.carryOut({ ...want, waitedMs }, answer);
  }

  private carryOut(want: Want, plan: SettledPlan<ClusterNode>): Lease | Promise<Lease> {
    if (plan.reason === 'mode-observe') this.deps.counters.wouldUseReplica += 1;
    switch (plan.kind) {
      case 'replica':
        return this.leaseReplica(want, plan);
      case 'primary':
        return plan.needsPermit ? this.leaseByPermit(want, plan) : this.leasePrimary(want, plan);
      case 'refuse':
        throw explainRefusal(plan, this.deps);
      default:
        return plan satisfies never;
    }
  }

  private leaseReplica(
    want: Want,
    { candidates, reason, mustProve, tokenFate, stale }: LeaseReplica<ClusterNode>,
  ): Lease {
    if (tokenFate) this.deps.counters.countToken(tokenFate);
    if (stale) this.deps.counters.staleReads[stale] += 1;
    const node = candidates.length === 1 ? candidates[0] : this.pick(want, candidates);
    if (want.scope) want.scope.unit.on(this.cluster).replica = node.name;
    const lease = this.open(want, node, { session: 'read-only', role: 'replica', reason });
    lease.required = mustProve;
    return lease;
  }

  private pick(want: Want, candidates: NonEmpty<ClusterNode>): ClusterNode {
    const key = this.affinity.keyOf(want.scope?.unit.request?.exchange);
    return key === undefined ? this.deps.balancer.pick(candidates) : preferByKey(key, candidates);
  }

  private leasePrimary(want: Want, { session, reason }: LeasePrimary): Lease {
    return this.open(want, this.deps.topology.primary, { session, role: 'primary', reason });
  }

  private leaseByPermit(want: Want, plan: LeasePrimary): Lease | Promise<Lease> {
    const permit = this.permits.take();
    if (permit instanceof Promise) return this.awaitPermit(permit, want, plan);
    this.waits.skip(want, plan);
    return this.leaseHolding(permit, want, plan);
  }

  private async awaitPermit(permit: Promise<ReleasePermit>, want: Want, plan: LeasePrimary): Promise<Lease> {
    const { answer, waitedMs } = await this.waits.wait(want, { for: 'permit', plan }, async (message) => {
      message.outcome = 'refused';
      const release = await permit;
      message.outcome = 'primary';
      return release;
    });
    return this.leaseHolding(answer, { ...want, waitedMs: waitedMs + (want.waitedMs ?? 0) }, plan);
  }

  private leaseHolding(release: ReleasePermit, want: Want, plan: LeasePrimary): Lease {
    try {
      const still = decideWithPermit(plan, this.deps.topology.primary);
      if (still.kind === 'refuse') throw explainRefusal(still, this.deps);
      return this.leasePrimary(want, still).onEnd(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  private open(
    want: Want,
    node: ClusterNode,
    { session, role, reason }: { session: Session; role: Route['role']; reason: Reason },
  ): Lease {
    const route: Route = { role, node: node.name, reason };
    this.deps.counters.countRoute(route);
    if (want.scope) {
      const work = want.scope.unit.on(this.cluster);
      work.route = route;
      work.tally[role] += 1;
    }
    this.listeners.tell(route);
    if (ROUTES.hasSubscribers) this.publish(route, want);
    return new Lease(node, session, route);
  }

  private publish(route: Route, { scope, waitedMs = 0 }: Want): void {
    const handler = scope?.unit.handler;
    ROUTES.publish({ cluster: this.cluster, handler, ...route, waitedMs } satisfies RouteMessage);
  }
}

const MAX_HANDLERS = 1_000;
const OUTSIDE_UNIT = intentOfUnit({ kind: { type: 'none' } });
