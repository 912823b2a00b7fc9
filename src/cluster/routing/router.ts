import { NO_REQUIREMENT, type Requirement } from '../../tokens/requirement.js';
import type { ClusterWork } from '../../context/cluster-work.js';
import { explicitIntent, type Scope } from '../../context/scope.js';
import type { HandlerMarks, UnitOfWork } from '../../context/unit-of-work.js';
import type { RoutingMode } from '../../options/options.js';
import { decideRoute, type Decision } from '../../routing/decide-route.js';
import { preferByKey } from '../../routing/rendezvous.js';
import { intentOfQuery, intentOfUnit } from '../../routing/resolve-intent.js';
import type { FallbackReason, Intent, IntentChoice, Reason, Route } from '../../routing/route.js';
import type { ClusterNode, Session } from '../nodes/cluster-node.js';
import { hidesServers } from '../nodes/hidden-servers.js';
import { Lease } from '../nodes/lease.js';
import { ClientAffinity } from './client-affinity.js';
import { isDown, primaryDown, PrimaryFallback } from './primary-fallback.js';
import { RouteListeners, type RouteListener } from './route-listeners.js';
import type { RouterParts } from './router-parts.js';
import type { EndTurn } from './semaphore.js';

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
}

/** Names of the nodes on which a query has failed already. */
type Failed = ReadonlySet<string> | undefined;

/** Finds the node for every query. Nothing here waits, but for what a token demands. */
export class Router {
  mode: RoutingMode;
  private readonly listeners: RouteListeners;
  private readonly affinity: ClientAffinity;
  private readonly promotedHandlers = new Set<HandlerMarks>();
  private readonly fallback: PrimaryFallback;

  constructor(private readonly parts: RouterParts) {
    this.fallback = new PrimaryFallback(parts);
    this.listeners = new RouteListeners(parts.onListenerFailed);
    this.affinity = new ClientAffinity(parts.options.consistency.affinity, parts.onAffinityFailed);
    this.mode = parts.options.routing.mode;
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
  lease(want: Want, failed?: Failed): Lease | Promise<Lease> {
    const { choice, scope } = want;
    if (choice.intent === 'primary') return this.leasePrimary(want, choice.reason, 'writable');
    if (this.mode !== 'route') return this.leaseUnrouted(want);
    if (want.fallback) return this.fallBack(want, want.fallback, failed);
    if (!scope) return this.leaseReplica(want, NO_REQUIREMENT, failed);
    const required = this.parts.requirements.of(scope.unit, scope.unit.on(this.cluster));
    return required instanceof Promise
      ? required.then((known) => this.leaseReplica(want, known, failed))
      : this.leaseReplica(want, required, failed);
  }

  /** Sends a handler straight to the primary from now on, and says whether that is new. */
  rememberPromotion(handler: HandlerMarks): boolean {
    if (this.promotedHandlers.has(handler) || this.promotedHandlers.size >= MAX_HANDLERS) return false;
    this.promotedHandlers.add(handler);
    return true;
  }

  onRoute(listener: RouteListener): () => void {
    return this.listeners.add(listener);
  }

  private get cluster(): string {
    return this.parts.options.name;
  }

  private choiceOfUnit(unit: UnitOfWork, work: ClusterWork): IntentChoice {
    if (work.choice) return work.choice;
    const { marks, origin, parent } = unit;
    if (unit.isBlock && parent) return this.choiceOfUnit(parent, parent.on(this.cluster));
    if (marks && this.promotedHandlers.has(marks)) work.promoted = true;
    const choice = intentOfUnit({
      handler: marks?.handler,
      controller: marks?.controller,
      rule: origin.path === undefined ? undefined : this.parts.ruleOf(origin.method ?? '', origin.path),
      kind: this.kindOf(unit),
    });
    // Middleware of the application runs before the handler is known: what it is told must not last.
    if (!unit.isUndecided) work.choice = choice;
    return work.promoted && !unit.hasEnded ? intentOfQuery({ wrote: false, promoted: true }, choice) : choice;
  }

  private kindOf({ origin }: UnitOfWork): Parameters<typeof intentOfUnit>[0]['kind'] {
    if (origin.operation) return { type: 'operation', operation: origin.operation };
    if (origin.kind !== 'http') return { type: 'other' };
    return { type: 'http', isReadMethod: this.parts.options.routing.readMethods.has(origin.method ?? '') };
  }

  private leaseUnrouted(want: Want): Lease {
    if (this.mode === 'observe') this.parts.counters.wouldUseReplica += 1;
    return this.leasePrimary(
      want,
      this.mode === 'observe' ? 'mode-observe' : 'mode-primary-only',
      'writable',
    );
  }

  private leaseReplica(want: Want, required: Requirement, failed?: Failed): Lease | Promise<Lease> {
    const { topology, counters } = this.parts;
    const replicas = failed ? topology.replicas.filter(({ name }) => !failed.has(name)) : topology.replicas;
    if (failed && replicas.length === 0) return this.fallBack(want, 'no-usable-replica', failed);
    const decision = this.decide(want, required, replicas);
    switch (decision.role) {
      case 'replica':
        if (required.position !== undefined) counters.countToken('satisfied');
        return this.leaseCaughtUp(want, decision, required);
      case 'primary':
        return this.fallBack(want, decision.reason, failed);
      case 'behind':
        return this.awaitCatchUp(want, decision, { required, failed });
      default:
        return decision satisfies never;
    }
  }

  /** A position is looked up for servers with an address of their own; connections to others prove it by themselves. */
  private decide(want: Want, required: Requirement, replicas: readonly ClusterNode[]): Decision<ClusterNode> {
    const { topology, clock } = this.parts;
    const among = (nodes: readonly ClusterNode[], demand: Requirement) =>
      decideRoute({
        choice: want.choice,
        required: demand,
        previous: want.scope?.unit.on(this.cluster).replica,
        replicas: nodes,
        policy: topology.policy,
        nowMs: clock.now(),
      });
    if (required.position === undefined || !want.choice.ownWrites || !replicas.some(hidesServers))
      return among(replicas, required);
    const provable = replicas.filter(({ endpoint }) => endpoint.kind === 'per-connection');
    const visible = replicas.filter((node) => !hidesServers(node));
    const decision = visible.length > 0 ? among(visible, required) : BEHIND;
    if (decision.role === 'replica' || provable.length === 0) return decision;
    const unproven = among(provable, { ...required, position: undefined });
    return unproven.role === 'replica' || visible.length === 0 ? unproven : decision;
  }

  private async awaitCatchUp(
    want: Want,
    { candidates, otherwise }: Extract<Decision<ClusterNode>, { role: 'behind' }>,
    { required, failed }: { readonly required: Requirement; readonly failed: Failed },
  ): Promise<Lease> {
    const { catchUp, counters, options } = this.parts;
    const { maxWaitMs } = options.consistency;
    const [first, ...rest] =
      required.position === undefined
        ? candidates
        : await catchUp.wait(candidates, required.position, maxWaitMs);
    if (first) {
      counters.countToken('satisfied-after-wait');
      return this.leaseCaughtUp(want, { candidates: [first, ...rest], reason: want.choice.reason }, required);
    }
    if (otherwise === 'replica') return this.leaseOne(want, candidates, want.choice.reason);
    return this.fallBack(want, 'behind-token', failed);
  }

  /** A replica intent that no replica may serve: a read-only session of the primary, if the options allow it. */
  private fallBack(want: Want, reason: Reason, failed: Failed): Lease | Promise<Lease> {
    const server = this.fallback.serverFor(reason, failed);
    if (server !== 'primary') return this.leaseOne(want, server, want.choice.reason);
    if (this.parts.options.routing.onReplicaWrite === 'off')
      return this.leasePrimary(want, reason, 'writable');
    const turn = this.fallback.takeTurn();
    return turn instanceof Promise
      ? turn.then((end) => this.leaseTurn(want, reason, end))
      : this.leaseTurn(want, reason, turn);
  }

  private leaseTurn(want: Want, reason: Reason, end: EndTurn): Lease {
    try {
      return this.leasePrimary(want, reason, 'read-only').onEnd(end);
    } catch (error) {
      end();
      throw error;
    }
  }

  /** `required`: what has been decided by, which connections that hide their server must prove. */
  private leaseCaughtUp(
    want: Want,
    { candidates, reason }: { candidates: readonly [ClusterNode, ...ClusterNode[]]; reason: Reason },
    required: Requirement,
  ): Lease {
    const lease = this.leaseOne(want, candidates, reason);
    if (want.choice.ownWrites) lease.required = required.position;
    return lease;
  }

  private leaseOne(want: Want, candidates: readonly [ClusterNode, ...ClusterNode[]], reason: Reason): Lease {
    const node = candidates.length === 1 ? candidates[0] : this.pick(want, candidates);
    if (want.scope) want.scope.unit.on(this.cluster).replica = node.name;
    return this.open(want, node, { session: 'read-only', role: 'replica', reason });
  }

  private pick(want: Want, candidates: readonly [ClusterNode, ...ClusterNode[]]): ClusterNode {
    const key = this.affinity.keyOf(want.scope?.unit.request?.exchange);
    return key === undefined ? this.parts.balancer.pick(candidates) : preferByKey(key, candidates);
  }

  private leasePrimary(want: Want, reason: Reason, session: Session): Lease {
    const { primary } = this.parts.topology;
    if (isDown(primary)) throw primaryDown(this.cluster, primary);
    return this.open(want, primary, { session, role: 'primary', reason });
  }

  private open(
    want: Want,
    node: ClusterNode,
    { session, role, reason }: { session: Session; role: Route['role']; reason: Reason },
  ): Lease {
    const route: Route = { role, node: node.name, reason };
    this.parts.counters.countRoute(route);
    if (want.scope) want.scope.unit.on(this.cluster).route = route;
    this.listeners.tell(route);
    return new Lease(node, session, route);
  }
}

const BEHIND: Decision<ClusterNode> = { role: 'primary', reason: 'behind-token' };
const MAX_HANDLERS = 1_000;
const OUTSIDE_UNIT = intentOfUnit({ kind: { type: 'none' } });
