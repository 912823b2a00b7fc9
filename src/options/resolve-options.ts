import { DEFAULT_CLUSTER, type ResolvedNode, type ResolvedOptions } from './resolved-options.js';
import { MONITOR, resolveCluster } from './cluster-options.js';
import { resolveConsistency } from './consistency-options.js';
import { checkContradictions } from './check-contradictions.js';
import { checkAdded, checkNodes } from './check-nodes.js';
import { OUR_KEYS, checkTopLevel } from './check-top-level.js';
import { describeKind, describeValue } from './describe-value.js';
import { findNodes } from './find-nodes.js';
import { Findings } from './findings.js';
import { needed, section, text } from './option.js';
import { Place, isRecord } from './place.js';
import { readPoolSize, resolveRouting } from './routing-options.js';
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
 * resolveOptions({ type: 'postgres', primary: { url }, replicas: [] }).monitor.intervalMs; // 1000
 * ```
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  const findings = new Findings();
  if (!isRecord(options)) {
    findings.add('options', `expected an object, got ${describeKind(options)}.`);
    findings.end();
  }
  const root = new Place('', options, findings);
  const resolved = readOptions(root);
  checkContradictions(root, resolved);
  checkTopLevel(root);
  findings.end();
  return resolved;
}

/**
 * The same for a replica that is added at run time to the nodes there are then. Without a name of its own it gets the
 * first `replica-1`, `replica-2`, ... that is free.
 *
 * @throws {@link InvalidOptionsError}
 */
export function resolveAddedReplica(
  options: object,
  added: unknown,
  nodes: readonly [primary: ResolvedNode, ...replicas: ResolvedNode[]],
): ResolvedNode {
  const findings = new Findings();
  const root = new Place('', options, findings);
  readType(root.at('type'), true);
  const names = new Set(nodes.map(({ name }) => name));
  let index = 0;
  while (names.has(replicaName(index))) index++;
  const replica = readReplica(new Place('replica', added, findings), index, readContext(root));
  checkAdded(replica, nodes);
  findings.end();
  return replica.node;
}

function readContext(root: Place): NodeContext {
  return {
    shared: Object.fromEntries(Object.entries(root.members).filter(([key]) => !NOT_TYPEORMS.has(key))),
    cluster: resolveCluster(root.at('cluster')),
    monitor: section(MONITOR)(root.at('monitor')),
  };
}

function readOptions(root: Place): ResolvedOptions {
  const places = findNodes(root);
  const context = readContext(root);
  const { cluster, monitor } = context;
  const primary = readPrimary(places.primary ?? new Place('primary', {}, root.findings), context);
  const replicas = places.replicas.map((place, index) => readReplica(place, index, context));
  checkNodes(primary, replicas);
  return Object.freeze({
    name: NAME(root.at('name')),
    type: readType(root.at('type'), replicas.length > 0),
    dataSource: primary.merged,
    primary: primary.node,
    replicas: Object.freeze(replicas.map(({ node }) => node)),
    routing: resolveRouting(root.at('routing'), {
      hasReplicas: replicas.length > 0,
      primaryPool: readPoolSize(primary.place, root),
    }),
    consistency: resolveConsistency(root.at('consistency')),
    monitor,
    cluster,
  });
}

const NAME = text(/./s, 'the name of the cluster, a string', DEFAULT_CLUSTER);

const TYPE = needed<string>(
  {
    is: (type) => typeof type === 'string' && type !== '',
    expected: "the type of the database, such as 'postgres'",
  },
  'postgres',
);

function readType(place: Place, hasReplicas: boolean): string {
  const type = TYPE(place);
  if (hasReplicas && type !== 'postgres')
    place.report(
      `only 'postgres' can have replicas for now, got ${describeValue(type)}. Write replicas: [].`,
    );
  return type;
}
