import { InvalidOptionsError } from '../errors.js';
import { DEFAULT_CLUSTER } from './default-cluster.js';
import { checkContradictions } from './check-contradictions.js';
import { checkAdded, checkNodes } from './check-nodes.js';
import { OUR_KEYS, checkTopLevel } from './check-top-level.js';
import { describeKind, describeValue } from './describe-value.js';
import { findNodes } from './find-nodes.js';
import { Findings } from './findings.js';
import { readPoolSize } from './read-pool-size.js';
import { resolveCluster } from './resolve-cluster.js';
import { resolveConsistency } from './resolve-consistency.js';
import { resolveMonitor } from './resolve-monitor.js';
import { readPrimary, readReplica, replicaName, type NodeContext } from './resolve-node.js';
import { resolveRouting } from './resolve-routing.js';
import type { ResolvedNode, ResolvedOptions } from './resolved-options.js';
import { Section, isRecord } from './section.js';

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
    throw new InvalidOptionsError(findings.problems);
  }
  const resolved = readOptions(new Section('', options, findings));
  checkContradictions(options, resolved, findings);
  checkTopLevel(options, findings);
  findings.addUnknownKeys();
  if (findings.problems.length > 0) throw new InvalidOptionsError(findings.problems);
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
  const root = new Section('', options, findings);
  readType(root, true);
  const names = new Set(nodes.map(({ name }) => name));
  let index = 0;
  while (names.has(replicaName(index))) index++;
  const replica = readReplica({ path: 'replica', value: added }, index, readContext(root));
  checkAdded(replica, nodes);
  findings.addUnknownKeys();
  if (findings.problems.length > 0) throw new InvalidOptionsError(findings.problems);
  return replica.node;
}

function readContext(root: Section): NodeContext {
  return {
    shared: Object.fromEntries(Object.entries(root.values).filter(([key]) => !NOT_TYPEORMS.has(key))),
    cluster: resolveCluster(root.section('cluster')),
    monitor: resolveMonitor(root.section('monitor')),
    findings: root.findings,
  };
}

function readOptions(root: Section): ResolvedOptions {
  const sources = findNodes(root);
  const context = readContext(root);
  const { shared, cluster, monitor } = context;
  const primary = readPrimary(sources.primary, context);
  const replicas = sources.replicas.map((source, index) => readReplica(source, index, context));
  checkNodes(primary, replicas);
  return Object.freeze({
    name: readName(root),
    type: readType(root, replicas.length > 0),
    dataSource: primary.merged,
    primary: primary.node,
    replicas: Object.freeze(replicas.map(({ node }) => node)),
    routing: resolveRouting(root.section('routing'), {
      hasReplicas: replicas.length > 0,
      primaryPool: readPoolSize(primary, shared),
    }),
    consistency: resolveConsistency(root.section('consistency')),
    monitor,
    cluster: Object.freeze({ failover: cluster.failover, whenPrimaryDown: cluster.whenPrimaryDown }),
  });
}

function readName(root: Section): string {
  return root.checked('name', DEFAULT_CLUSTER, {
    is: (value) => typeof value === 'string' && value !== '',
    expected: 'the name of the cluster, a string',
  });
}

function readType(root: Section, hasReplicas: boolean): string {
  const type = root.required('type', 'postgres', {
    is: (value) => typeof value === 'string' && value !== '',
    expected: "the type of the database, such as 'postgres'",
  });
  if (hasReplicas && type !== 'postgres')
    root.refuse(
      'type',
      `only 'postgres' can have replicas for now, got ${describeValue(type)}. Write replicas: [].`,
    );
  return type;
}
