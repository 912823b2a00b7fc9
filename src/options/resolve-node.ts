import { checkConnection, checkNodeKeys } from './check-node.js';
import { openNode, type NodeSource } from './find-nodes.js';
import type { Findings } from './findings.js';
import { mergeDriverOptions, withoutEntities } from './driver/merge-driver-options.js';
import { readEndpoint, readReadOnly, type ClusterDefaults } from './resolve-cluster.js';
import type { DriverOptions, ResolvedMonitor, ResolvedNode } from './resolved-options.js';
import { type Section, type UnknownRecord } from './section.js';
import { withConnectTimeout } from './driver/with-connect-timeout.js';

/** What the nodes have in common. */
export interface NodeContext {
  /** The user's options of TypeORM at the top level. */
  readonly shared: UnknownRecord;
  readonly cluster: ClusterDefaults;
  readonly monitor: ResolvedMonitor;
  readonly findings: Findings;
}

/** A node and where it comes from. */
export interface NodeReading {
  readonly section: Section;
  readonly node: ResolvedNode;
  /** All of TypeORM's options, the shared ones and the node's own. */
  readonly merged: DriverOptions;
}

export function readPrimary(source: NodeSource | undefined, context: NodeContext): NodeReading {
  const section = openNode(source ?? { path: 'primary', value: {} }, context.findings);
  if (section.raw('weight') !== undefined)
    section.refuse('weight', 'only replicas share the reads by weight. Remove it.');
  return readNode(section, { name: 'primary', weight: 1 }, context);
}

export function readReplica(source: NodeSource, index: number, context: NodeContext): NodeReading {
  const section = openNode(source, context.findings);
  const weight = section.checked('weight', 1, {
    is: (value) => Number.isFinite(value) && Number(value) > 0,
    expected: 'a number above 0',
    fix: ' For a replica without reads, leave it out of the list.',
  });
  const reading = readNode(section, { name: replicaName(index), weight }, context);
  const driver = withConnectTimeout(reading.node.driver, context.monitor.connectTimeoutMs);
  return { ...reading, node: Object.freeze({ ...reading.node, driver }) };
}

/** Of a replica without a name of its own. */
export function replicaName(index: number): string {
  return `replica-${index + 1}`;
}

function readNode(
  section: Section,
  defaults: Pick<ResolvedNode, 'name' | 'weight'>,
  { shared, cluster }: NodeContext,
): NodeReading {
  const own = ownDriverOptions(section.values);
  const merged = mergeDriverOptions(shared, own);
  checkNodeKeys(section, shared['type']);
  checkConnection(section, { ...shared, ...own });
  const node = Object.freeze({
    name: readName(section, defaults.name),
    weight: defaults.weight,
    endpoint: readEndpoint(section, cluster.endpoint),
    readOnly: readReadOnly(section, cluster.readOnly),
    driver: withoutEntities(merged),
  });
  return { section, node, merged };
}

/** Names stand in response headers, labels of counters and logs. */
function readName(section: Section, fallback: string): string {
  return section.checked('name', fallback, {
    is: (value) => typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value),
    expected: 'up to 64 letters, digits or any of . : _ -',
  });
}

/** What of a node is TypeORM's. An undefined member is none, so that the shared one holds. */
function ownDriverOptions(values: UnknownRecord): UnknownRecord {
  const { name: _name, weight: _weight, endpoint: _endpoint, readOnly: _readOnly, ...own } = values;
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}
