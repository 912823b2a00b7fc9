import { explicitIntent, type Scope } from '../../context/scope.js';
import type { ClusterWork, HandlerMarks } from '../../context/unit-of-work.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Balancer } from '../../routing/balancers/balancer.js';
import { preferByKey, type ClientAffinity } from '../../routing/client-affinity.js';
import { decideAfterWait, decideWithPermit } from '../../routing/decide-fallback.js';
import { decideReplica, decideRoute } from '../../routing/decide-route.js';
import type { AwaitReplicas, LeasePrimary, LeaseReplica, SettledPlan } from '../../routing/plan.js';
import { requiredAt } from '../../routing/required-at.js';
import { intentOfQuery, intentOfUnit, OUTSIDE_UNIT } from '../../routing/resolve-intent.js';
import { NO_REQUIREMENT, type Requirement } from '../../routing/route-input.js';
import type { RuleMatcher } from '../../routing/route-rules.js';
import type { Intent, IntentChoice } from '../../routing/route.js';
import type { Clock } from '../../clock.js';
import type { HandlerTallies } from '../events/handler-tallies.js';
import type { RouteCounters } from '../events/route-counters.js';
import { publishRoute, ROUTES } from '../metrics/channels.js';
import type { CatchUp } from '../nodes/catch-up.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import { Lease } from '../nodes/lease.js';
import type { Topology } from '../nodes/topology.js';
import { explainUnavailable } from './explain-unavailable.js';
import { FallbackPermits } from './fallback-permits.js';
import type { Rollout } from './rollout.js';
import { RouteListeners, type RouteListener } from './route-listeners.js';
import type { ReleasePermit } from './semaphore.js';
import { oneAnswers, Waits } from './waits.js';
import type { Want } from './want.js';

/** What a router is made of. */
export interface RouterDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly requirements: { of(work: ClusterWork): Requirement | Promise<Requirement> };
  readonly catchUp: CatchUp;
  readonly balancer: Balancer;
  readonly ruleOf: RuleMatcher | undefined;
  readonly counters: RouteCounters;
  readonly clock: Clock;
  /** Told once of each listener of routes that fails. */
  readonly onListenerFailed: (error: unknown) => void;
  readonly affinity: ClientAffinity | undefined;
  readonly rollout: Rollout;
  readonly handlers: HandlerTallies;
}

/** Names of the nodes that a query need not be sent to again. */
type Failed = ReadonlySet<string> | undefined;

/**
 * Finds the node for every query: carries out what `decideRoute` says. Nothing here waits, but for what a token demands,
 * and for a permit of the fall-back.
 */
export class Router {
  private listeners: RouteListeners | undefined;
  private readonly promotedHandlers = new Set<HandlerMarks>();
  readonly permits: FallbackPermits;
  private readonly waits: Waits;

  constructor(private readonly deps: RouterDeps) {
    this.permits = new FallbackPermits(deps);
    this.waits = new Waits(deps.options.name, deps.clock);
  }

  /** What a query made in this scope wants. `pin`: the role of the view that it is made through. */
  wantOf(scope: Scope | undefined, pin: Intent | undefined): Want {
    const isPinned = pin !== undefined;
    const { rollout } = this.deps;
    if (!scope) {
      const choice = intentOfQuery({ explicit: pin, wrote: false, promoted: false }, OUTSIDE_UNIT);
      const isOutside = rollout.share < 1 && rollout.isOutside(choice, undefined);
      return { scope, work: undefined, choice, isPinned, isOutside };
    }
    const { unit } = scope;
    const work = unit.on(this.deps.options.name);
    const mayBeInBlock = scope.explicit !== undefined || scope.outer !== undefined;
    const explicit = pin ?? (mayBeInBlock ? explicitIntent(scope, work.cluster) : undefined);
    const ofUnit = work.choice ?? this.choiceOfUnit(work);
    // What comes after the handler, and may come from elsewhere, is not held to what the handler has done.
    const isHeld = !unit.hasEnded;
    const wrote = isHeld && work.writes.tokens.length > 0;
    const choice = intentOfQuery({ explicit, wrote, promoted: isHeld && work.promoted }, ofUnit);
    const isOutside = rollout.share < 1 && rollout.isOutside(choice, work);
    return { scope, work, choice, isPinned, isOutside };
  }

  /** Leases the node for a query session: the right to one connection. */
  lease(want: Want, failed?: Failed): Lease | Promise<Lease> {
    const { work, choice, fallback } = want;
    const { requirements, options, topology, rollout } = this.deps;
    const ofModule = options.consistency.level;
    const level = work ? work.unit.levelOr(ofModule) : ofModule;
    const mode = want.isOutside ? rollout.modeOf(want) : rollout.mode;
    const kept = this.permits.keeps(work);
    const plan = decideRoute({ choice, mode, level, fallback, kept, failed }, topology);
    if (plan.kind !== 'choose') return this.carryOut(want, plan);
    if (!work || !plan.needsTokens) return this.choose(want, NO_REQUIREMENT, failed);
    const demand = requirements.of(work);
    if (demand === NO_REQUIREMENT) return this.choose(want, NO_REQUIREMENT, failed);
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

  onRoute(listener: RouteListener): () => void {
    this.listeners ??= new RouteListeners(this.deps.onListenerFailed);
    return this.listeners.add(listener);
  }

  /** Resolved once, when the unit's handler is known: middleware of the application runs before it. */
  private choiceOfUnit(work: ClusterWork): IntentChoice {
    const { unit, outer } = work;
    if (unit.isBlock && outer) {
      const ofOuter = outer.choice ?? this.choiceOfUnit(outer);
      work.handled = outer.handled;
      const promoted = outer.promoted && !outer.unit.hasEnded;
      return intentOfQuery({ wrote: false, promoted }, ofOuter);
    }
    const { marks, origin } = unit;
    const { method = '', path, operation } = origin;
    if (marks && this.promotedHandlers.has(marks)) work.promoted = true;
    const isHttp = origin.kind === 'http';
    const choice = intentOfUnit({
      handler: marks?.handler,
      controller: marks?.controller,
      rule: path === undefined ? undefined : this.deps.ruleOf?.(method, path),
      operation,
      isReadMethod: isHttp ? this.deps.options.routing.readMethods.has(method) : undefined,
    });
    if (marks || !isHttp) work.choice = choice;
    if (marks) {
      const { handlers } = this.deps;
      const known = handlers.known.get(marks);
      // Asked with every unit: a handler whose choice is the same costs no call.
      work.handled = known?.choice === choice ? known.tally : handlers.learn(marks, choice);
    }
    return choice;
  }

  private choose(want: Want, required: Requirement, failed: Failed): Lease | Promise<Lease> {
    const { topology, clock } = this.deps;
    const { choice, work, wereAsked } = want;
    const previous = work?.replica;
    const nowMs = clock.now();
    const plan = decideReplica({ choice, failed, required, previous, cluster: topology, nowMs, wereAsked });
    if (plan.kind === 'wait') return this.awaitReplicas(want, plan, failed);
    if (plan.kind !== 'ask') return this.carryOut(want, plan);
    return oneAnswers(plan.candidates).then(() =>
      this.choose({ ...want, wereAsked: true }, required, failed),
    );
  }

  private async awaitReplicas(want: Want, plan: AwaitReplicas<ClusterNode>, failed: Failed): Promise<Lease> {
    const { catchUp, options, topology } = this.deps;
    const { answer, waitedMs } = await this.waits.forReplay(want, plan, async () => {
      const { maxWaitMs } = options.consistency;
      const elsewhere = plan.otherwise === 'primary' ? topology.primary : undefined;
      const replayed = await catchUp.wait(plan.candidates, plan.position, { maxWaitMs, elsewhere });
      return decideAfterWait({ plan, replayed }, { choice: want.choice, failed }, topology);
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
      case 'unavailable':
        throw explainUnavailable(plan, want.choice, this.deps);
      default:
        return plan satisfies never;
    }
  }

  private leaseReplica(want: Want, plan: LeaseReplica<ClusterNode>): Lease {
    const { candidates, reason, mustProve, tokenFate, stale } = plan;
    const { counters, balancer, topology } = this.deps;
    if (tokenFate) counters.countToken(tokenFate);
    let [node] = candidates;
    if (candidates.length > 1) {
      const key = this.deps.affinity?.keyOf(want.work?.unit.request?.exchange);
      node = key === undefined ? balancer.pick(candidates) : preferByKey(key, candidates);
    }
    const cause = stale ?? (this.permits.mayShowLess(want.work, node.name) ? 'unit' : undefined);
    if (cause) counters.staleReads[cause] += 1;
    if (want.work) want.work.replica = node.name;
    const { zone } = topology.terms;
    if (zone !== undefined && zone !== node.settings.zone) counters.outsideZone += 1;
    const lease = new Lease(node, 'read-only', { role: 'replica', node: node.name, reason });
    lease.required = mustProve;
    return this.tell(lease, want);
  }

  private leasePrimary(want: Want, { session, reason }: LeasePrimary): Lease {
    const node = this.deps.topology.primary;
    const lease = new Lease(node, session, { role: 'primary', node: node.name, reason });
    return this.tell(this.permits.keep(want, lease), want);
  }

  private leaseByPermit(want: Want, plan: LeasePrimary): Lease | Promise<Lease> {
    const permit = this.waits.forPermit(want, plan, this.permits.take());
    return permit instanceof Promise
      ? permit.then(({ answer, waitedMs }) => this.leaseHolding(answer, { ...want, waitedMs }, plan))
      : this.leaseHolding(permit, want, plan);
  }

  private leaseHolding(release: ReleasePermit, want: Want, plan: LeasePrimary): Lease {
    try {
      const still = decideWithPermit(plan, this.deps.topology.primary);
      if (still.kind === 'unavailable') throw explainUnavailable(still, want.choice, this.deps);
      return this.leasePrimary(want, still).onEnd(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Counts a choice, and tells the unit, listeners and subscribers of it. */
  private tell(lease: Lease, want: Want): Lease {
    const { route } = lease;
    this.deps.counters.countRoute(route);
    if (want.work) {
      const { tally, handled } = want.work;
      want.work.route = route;
      tally[route.role] += 1;
      if (handled) handled[route.role] += 1;
    }
    this.listeners?.tell(route);
    if (ROUTES.hasSubscribers) publishRoute(route, { cluster: this.deps.options.name, ...want });
    return lease;
  }
}

const MAX_HANDLERS = 1_000;
