import {
  DEFAULT_CLUSTER,
  mayHaveReplicas,
  type ResolvedNode,
  type ResolvedOptions,
} from './resolved-options.js';
import { MONITOR, resolveCluster } from './cluster-options.js';
import { resolveConsistency } from './consistency-options.js';
import { checkContradictions } from './check-contradictions.js';
import { checkAdded, checkNodes, type PresentNodes } from './check-nodes.js';
import { OUR_KEYS, checkTopLevel } from './check-top-level.js';
import { describeKind } from './describe-value.js';
import type { KnownDrivers } from './driver/driver-rules.js';
import { findNodes } from './find-nodes.js';
import { Findings } from './findings.js';
import { needed, readEach, section, text } from './option.js';
import { Place, isRecord } from './place.js';
import { readPoolSize, resolveRouting } from './routing-options.js';
import { SESSIONS } from './session-options.js';
import { readPrimary, readReplica, replicaName, type NodeContext } from './resolve-node.js';

/** What of the options is not TypeORM's: ours, and what @nestjs/typeorm reads itself. */
const NOT_TYPEORMS = new Set([
  ...OUR_KEYS,
  'retryAttempts',
  'retryDelay',
  'toRetry',
  'autoLoadEntities',
  'verboseRetryLog',
  'manualInitialization',
]);

/**
 * Checks the options of `ReplicatedModule.forRoot` and fills in the defaults. The caller's object stays as it is,
 * the result is frozen.
 *
 * @throws {@link InvalidOptionsError} with all problems at once; it never contains a password.
 *
 * ```ts
 * resolveOptions({ type: 'postgres', primary: { url }, replicas: [] }, drivers).monitor.intervalMs; // 1000
 * ```
 */
export function resolveOptions(options: unknown, drivers: KnownDrivers): ResolvedOptions {
  const findings = new Findings();
  if (!isRecord(options)) {
    findings.add('options', `expected an object, got ${describeKind(options)}.`);
    findings.end();
  }
  const root = new Place('', options, findings);
  const resolved = readOptions(root, drivers);
  checkContradictions(root, resolved, drivers.rulesOf(resolved.type).contradictions?.(resolved) ?? []);
  checkTopLevel(root);
  findings.end();
  return resolved;
}

/** A replica that is added to the nodes there are. */
export interface AddedReplica extends PresentNodes {
  /** Those of the cluster, as the user wrote them. */
  readonly options: object;
  readonly added: unknown;
}

/**
 * The same for a replica that is added at run time to the nodes there are then. Without a name of its own it gets the
 * first `replica-1`, `replica-2`, ... that is free.
 *
 * @throws {@link InvalidOptionsError}
 */
export function resolveAddedReplica(
  { options, added, nodes, leaving }: AddedReplica,
  drivers: KnownDrivers,
): ResolvedNode {
  const findings = new Findings();
  const root = new Place('', options, findings);
  readType(root.at('type'), true, drivers);
  const names = new Set([...nodes.map(({ name }) => name), ...leaving]);
  let index = 0;
  while (names.has(replicaName(index))) index++;
  const replica = readReplica(new Place('replica', added, findings), index, readContext(root, drivers));
  checkAdded(replica, { nodes, leaving });
  findings.end();
  return replica.node;
}

function readContext(root: Place, drivers: KnownDrivers): NodeContext {
  const { type } = root.members;
  return {
    rules: drivers.rulesOf(type),
    isKnownDriver: drivers.isKnown(type),
    shared: Object.fromEntries(Object.entries(root.members).filter(([key]) => !NOT_TYPEORMS.has(key))),
    cluster: resolveCluster(root.at('cluster')),
    monitor: section(MONITOR)(root.at('monitor')),
  };
}

function readOptions(root: Place, drivers: KnownDrivers): ResolvedOptions {
  const places = findNodes(root);
  const context = readContext(root, drivers);
  const { cluster, monitor, rules } = context;
  if (!rules.hasLagInBytes && monitor.maxLagBytes !== Infinity)
    root.at('monitor').at('maxLagBytes').report(NO_BYTES);
  const primary = readPrimary(places.primary ?? new Place('primary', {}, root.findings), context);
  const replicas = places.replicas.map((place, index) => readReplica(place, index, context));
  checkNodes(primary, replicas);
  const hasReplicas = mayHaveReplicas({ replicas, cluster });
  const sessions = readEach(SESSIONS, root);
  if (sessions.onConnect && !rules.canSetUpSessions)
    root.at('onConnect').report('sessions of this database cannot be set up for now. Remove it.');
  return Object.freeze({
    ...sessions,
    name: NAME(root.at('name')),
    type: readType(root.at('type'), hasReplicas, drivers),
    dataSource: primary.merged,
    primary: primary.node,
    replicas: Object.freeze(replicas.map(({ node }) => node)),
    routing: resolveRouting(root.at('routing'), {
      hasReplicas,
      primaryPool: readPoolSize(primary.place, root, rules),
    }),
    consistency: resolveConsistency(root.at('consistency')),
    monitor,
    cluster,
  });
}

const NO_BYTES = 'the lag of this database is known in time and in transactions, not in bytes. Use maxLagMs.';

const NAME = text(/./s, 'the name of the cluster, a string', DEFAULT_CLUSTER);

const TYPE = needed<string>(
  {
    is: (type) => typeof type === 'string' && type !== '',
    expected: "the type of the database, such as 'postgres'",
  },
  '',
);

function readType(place: Place, hasReplicas: boolean, { whyNoReplicas }: KnownDrivers): string {
  const type = TYPE(place);
  const why = hasReplicas && type !== '' ? whyNoReplicas(type) : undefined;
  if (why !== undefined) place.report(why);
  return type;
}
