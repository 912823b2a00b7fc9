import type { Requirement } from '../../tokens/requirement.js';
import type { ClusterWork } from '../../context/cluster-work.js';
import type { UnitOfWork } from '../../context/unit-of-work.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Balancer } from '../../routing/balancers/balancer.js';
import type { RuleMatcher } from '../../routing/route-rules.js';
import type { CatchUp } from '../nodes/catch-up.js';
import type { Clock } from '../../clock.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Topology } from '../nodes/topology.js';

/** What the client's tokens ask for. */
export interface Requirements {
  of(unit: UnitOfWork, work: ClusterWork): Requirement | Promise<Requirement>;
}

/** What a router is made of. */
export interface RouterDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly requirements: Requirements;
  readonly catchUp: CatchUp;
  readonly balancer: Balancer;
  readonly ruleOf: RuleMatcher;
  readonly counters: RouteCounters;
  readonly clock: Clock;
  /** Told once of each listener of routes that fails. */
  readonly onListenerFailed: (error: unknown) => void;
  /** Told when `consistency.affinity` fails. */
  readonly onAffinityFailed: (error: unknown) => void;
}
