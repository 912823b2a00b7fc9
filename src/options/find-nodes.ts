import { describeKind } from './describe-value.js';
import type { Findings } from './findings.js';
import { Section, isRecord, type UnknownRecord } from './section.js';

/** A node as the user wrote it. */
export interface NodeSource {
  readonly path: string;
  readonly value: unknown;
}

/** The nodes as the user wrote them. */
export interface NodeSources {
  readonly primary: NodeSource | undefined;
  readonly replicas: readonly NodeSource[];
}

/** Keys of TypeORM's `replication` that would be ignored, and what to use. */
const INSTEAD_OF = new Map([
  ['defaultMode', "use routing.mode: 'primary-only', or routing.readMethods, instead"],
  ['selector', 'use routing.balancing instead'],
  ['canRetry', 'retries are built in, see monitor'],
  ['removeNodeErrorCount', 'nodes are observed and taken back by themselves, see monitor'],
  ['restoreNodeTimeout', 'nodes are observed and taken back by themselves, see monitor'],
]);

/** Finds the nodes, under `primary` and `replicas` or under TypeORM's `replication`. */
export function findNodes(root: Section): NodeSources {
  if (root.raw('replication') === undefined) return findOwn(root);
  for (const key of ['primary', 'replicas'])
    if (root.raw(key) !== undefined)
      root.refuse(key, 'contradicts replication, which names the nodes too. Remove one of them.');
  return findReplication(root);
}

function findOwn(root: Section): NodeSources {
  const replicas = listNodes(root, 'replicas');
  if (root.raw('primary') !== undefined)
    return { primary: { path: 'primary', value: root.raw('primary') }, replicas };
  root.refuse('primary', `no primary is named. ${describeMissingPrimary(root.values)}`);
  return { primary: undefined, replicas };
}

function describeMissingPrimary(options: UnknownRecord): string {
  const given = ['url', 'host'].find((key) => options[key] !== undefined);
  if (given) return `Move ${given}, and what goes with it, into primary: { ${given}: ... }.`;
  return 'Give primary: { url: process.env.PRIMARY_URL }, or host, port and so on.';
}

function findReplication(root: Section): NodeSources {
  const replication = root.section('replication', 'an object, as in { master: { ... }, slaves: [{ ... }] }');
  for (const [key, instead] of INSTEAD_OF)
    if (replication.raw(key) !== undefined)
      replication.refuse(key, `this option of TypeORM's is not honoured: ${instead}.`);
  const replicas = listNodes(replication, 'slaves');
  const master = replication.raw('master');
  if (master === undefined && isRecord(root.raw('replication')))
    replication.refuse('master', 'no primary is named. Give master: { url: process.env.PRIMARY_URL }.');
  return {
    primary: master === undefined ? undefined : { path: 'replication.master', value: master },
    replicas,
  };
}

function listNodes(section: Section, key: string): readonly NodeSource[] {
  const values = section.list(key, '[{ url: process.env.REPLICA_URL }]') ?? [];
  return values.map((value, index) => ({ path: `${section.pathOf(key)}[${index}]`, value }));
}

/** The node's section, in which unknown keys are TypeORM's. */
export function openNode({ path, value }: NodeSource, findings: Findings): Section {
  if (!isRecord(value))
    findings.add(path, `expected an object, as in { url: process.env.URL }, got ${describeKind(value)}.`);
  return new Section(path, value, findings);
}
