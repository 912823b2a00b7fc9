import { isSameAddress, describeNode } from './node-address.js';
import type { NodeReading } from './resolve-node.js';

/** Finds what is wrong with the nodes taken together. */
export function checkNodes(primary: NodeReading, replicas: readonly NodeReading[]): void {
  const owners = new Map<string, string>();
  for (const { node, section } of [primary, ...replicas]) {
    const owner = owners.get(node.name);
    if (owner === undefined) owners.set(node.name, section.path);
    else section.refuse('name', `'${node.name}' is the name of ${owner} already. Names must differ.`);
  }
  for (const replica of replicas) refusePrimary(replica, primary);
}

/** Reading the primary as if it were a replica would hide that there is none. */
function refusePrimary({ section, node }: NodeReading, primary: NodeReading): void {
  const { findings, path } = section;
  const faulty = findings.concern(path) || findings.concern(primary.section.path);
  if (faulty || !isSameAddress(node.driver, primary.node.driver)) return;
  findings.add(
    path,
    `is the same database as ${primary.section.path} (${describeNode(node.driver)}). ` +
      'Give the url, or host and port, of the replica, or leave it out: without replicas all goes to the primary.',
  );
}
