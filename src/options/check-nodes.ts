import { isSameAddress, describeNode } from './driver/node-address.js';
import type { NodeReading } from './resolve-node.js';
import type { ResolvedNode } from './resolved-options.js';

/** Finds what is wrong with the nodes taken together. */
export function checkNodes(primary: NodeReading, replicas: readonly NodeReading[]): void {
  const owners = new Map<string, string>();
  for (const { node, place } of [primary, ...replicas]) {
    const owner = owners.get(node.name);
    if (owner === undefined) owners.set(node.name, place.path);
    else place.at('name').report(`'${node.name}' is the name of ${owner} already. Names must differ.`);
  }
  const { place, node } = primary;
  if (place.findings.concern(place.path)) return;
  for (const replica of replicas) refusePrimary(replica, node, place.path);
}

/** The nodes that a replica joins. */
export interface PresentNodes {
  /** The primary first. */
  readonly nodes: readonly ResolvedNode[];
  /** Names of replicas that are being removed. */
  readonly leaving: ReadonlySet<string>;
}

/** Finds what is wrong with a replica that joins the nodes there are. */
export function checkAdded(replica: NodeReading, { nodes, leaving }: PresentNodes): void {
  const { place, node } = replica;
  if (leaving.has(node.name))
    place
      .at('name')
      .report(
        `'${node.name}' is the name of a replica that is being removed. Await removeReplica('${node.name}') before, or give it another name.`,
      );
  if (nodes.some(({ name }) => name === node.name))
    place.at('name').report(`'${node.name}' is the name of another node already. Names must differ.`);
  const [primary] = nodes;
  if (primary) refusePrimary(replica, primary, 'the primary');
}

/** Reading the primary as if it were a replica would hide that there is none. */
function refusePrimary(
  { place, node, rules }: NodeReading,
  primary: ResolvedNode,
  primaryPath: string,
): void {
  if (place.findings.concern(place.path)) return;
  const { defaultPort } = rules;
  if (rules.checkReplica) {
    const why = rules.checkReplica(node.driver, primary.driver);
    if (why !== undefined) place.report(why);
  } else if (isSameAddress(node.driver, primary.driver, defaultPort)) {
    place.report(
      `is the same database as ${primaryPath} (${describeNode(node.driver, defaultPort)}). ` +
        'Give the url, or host and port, of the replica, or leave it out: without replicas all goes to the primary.',
    );
  }
}
