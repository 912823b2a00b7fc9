import { isRecord, type Place, type UnknownRecord } from './place.js';

/** The nodes as the user wrote them. */
export interface NodePlaces {
  readonly primary: Place | undefined;
  readonly replicas: readonly Place[];
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
export function findNodes(root: Place): NodePlaces {
  const replication = root.at('replication');
  if (replication.value === undefined) return findOwn(root);
  for (const place of [root.at('primary'), root.at('replicas')])
    if (place.value !== undefined)
      place.report('contradicts replication, which names the nodes too. Remove one of them.');
  return findReplication(replication);
}

function findOwn(root: Place): NodePlaces {
  const replicas = listNodes(root.at('replicas'));
  const primary = root.at('primary');
  if (primary.value !== undefined) return { primary, replicas };
  primary.report(`no primary is named. ${describeMissingPrimary(root.members)}`);
  return { primary: undefined, replicas };
}

function describeMissingPrimary(options: UnknownRecord): string {
  const given = ['url', 'host'].find((key) => options[key] !== undefined);
  if (given) return `Move ${given}, and what goes with it, into primary: { ${given}: ... }.`;
  return 'Give primary: { url: process.env.PRIMARY_URL }, or host, port and so on.';
}

function findReplication(replication: Place): NodePlaces {
  const known = [...INSTEAD_OF.keys(), 'slaves', 'master'];
  replication.close(known, 'an object, as in { master: { ... }, slaves: [{ ... }] }');
  for (const [key, instead] of INSTEAD_OF)
    if (replication.members[key] !== undefined)
      replication.at(key).report(`this option of TypeORM's is not honoured: ${instead}.`);
  const replicas = listNodes(replication.at('slaves'));
  const master = replication.at('master');
  if (master.value !== undefined) return { primary: master, replicas };
  if (isRecord(replication.value))
    master.report('no primary is named. Give master: { url: process.env.PRIMARY_URL }.');
  return { primary: undefined, replicas };
}

function listNodes(place: Place): readonly Place[] {
  return place.items('[{ url: process.env.REPLICA_URL }]') ?? [];
}
