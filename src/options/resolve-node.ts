import { checkConnection, checkNodeKeys } from './check-node.js';
import { describeKind } from './describe-value.js';
import { mergeDriverOptions, withoutEntities } from './driver/merge-driver-options.js';
import type { DriverRules } from './driver/driver-rules.js';
import { REPLICA, nodeOptions } from './cluster-options.js';
import { readEach } from './option.js';
import { Place, isRecord, type UnknownRecord } from './place.js';
import type { DriverOptions, ResolvedCluster, ResolvedMonitor, ResolvedNode } from './resolved-options.js';

/** What the nodes have in common. */
export interface NodeContext {
  /** The user's options of TypeORM at the top level. */
  readonly shared: UnknownRecord;
  readonly cluster: ResolvedCluster;
  readonly monitor: ResolvedMonitor;
  readonly rules: DriverRules;
  readonly isKnownDriver: boolean;
}

/** A node and where it comes from. */
export interface NodeReading {
  readonly place: Place;
  readonly node: ResolvedNode;
  /** All of TypeORM's options, the shared ones and the node's own. */
  readonly merged: DriverOptions;
  readonly rules: DriverRules;
}

export function readPrimary(place: Place, context: NodeContext): NodeReading {
  refuseNonObject(place);
  if (place.members['weight'] !== undefined)
    place.at('weight').report('only replicas share the reads by weight. Remove it.');
  if (place.members['group'] !== undefined)
    place.at('group').report('only replicas can be set apart for some reads. Remove it.');
  const none = new Place(place.path, {}, place.findings);
  return readNode(place, { name: 'primary', ...readEach(REPLICA, none) }, context);
}

export function readReplica(place: Place, index: number, context: NodeContext): NodeReading {
  refuseNonObject(place);
  const defaults = { name: replicaName(index), ...readEach(REPLICA, place) };
  const reading = readNode(place, defaults, context);
  const { rules, monitor } = context;
  const { driver: given } = reading.node;
  const driver = rules.withConnectTimeout(rules.asReplica?.(given) ?? given, monitor.connectTimeoutMs);
  return { ...reading, node: Object.freeze({ ...reading.node, driver }) };
}

/** Of a replica without a name of its own. */
export function replicaName(index: number): string {
  return `replica-${index + 1}`;
}

function refuseNonObject(node: Place): void {
  if (!isRecord(node.value))
    node.report(`expected an object, as in { url: process.env.URL }, got ${describeKind(node.value)}.`);
}

function readNode(
  place: Place,
  { name, ...ofReplica }: Pick<ResolvedNode, 'name' | keyof typeof REPLICA>,
  { shared, cluster, rules, isKnownDriver }: NodeContext,
): NodeReading {
  const options = nodeOptions({ ...cluster, name });
  const ours = [...Object.keys(REPLICA), ...Object.keys(options)];
  const own = ownDriverOptions(
    place.members,
    ours.filter((key) => key !== 'address'), // the engine dials it
  );
  const merged = mergeDriverOptions(shared, own, rules);
  checkNodeKeys(place, { type: shared['type'], isKnownDriver, ours });
  checkConnection(place, { ...shared, ...own }, rules);
  const settings = readEach(options, place);
  if (!rules.readOnlyMeans.has(settings.readOnly))
    place
      .at('readOnly')
      .report(`'${settings.readOnly}' is no way to make a session of this database read-only. Leave it out.`);
  const node = Object.freeze({
    ...ofReplica,
    ...settings,
    driver: withoutEntities(merged),
  });
  return { place, node, merged, rules };
}

/** What of a node is TypeORM's. An undefined member is none, so that the shared one holds. */
function ownDriverOptions(members: UnknownRecord, ours: readonly string[]): UnknownRecord {
  return Object.fromEntries(
    Object.entries(members).filter(([key, value]) => !ours.includes(key) && value !== undefined),
  );
}
