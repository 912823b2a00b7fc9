import type { ProbeAnswer } from '../../connector.js';
import type { Engine } from '../../engine.js';
import { hasReached, type History } from '../../position.js';

/** What a node has said of itself before the start. */
export interface StartReport<N> {
  readonly node: N;
  /** `undefined`: it did not answer in time. */
  readonly answer: ProbeAnswer | undefined;
}

/** Where an application may start. */
export interface StartChoice<N> {
  /** The servers that can be written, and of which none is on an older history than another. More than one: no order tells. */
  readonly writable: readonly N[];
  /** The replica that has replayed the most. */
  readonly reader: N | undefined;
  /** The newest that any of them knows. */
  readonly history: History | undefined;
  readonly systemId: string | undefined;
}

/**
 * What the answers of all nodes say of the cluster. A server that can be written is refused while another one, a replica
 * included, knows of a newer history: it is a former primary.
 */
export function chooseStart<N>(
  reports: readonly StartReport<N>[],
  configured: N,
  { positions, isOlder }: Pick<Engine, 'positions' | 'isOlder'>,
): StartChoice<N> {
  const answers = reports.flatMap(({ node, answer }) => (answer ? [{ node, answer }] : []));
  const ofConfigured = answers.find(({ node }) => node === configured)?.answer.systemId;
  const systemId = ofConfigured ?? mostCommon(answers.map(({ answer }) => answer.systemId));
  const ours = answers.filter(({ answer }) => answer.systemId === undefined || answer.systemId === systemId);
  const history = ours
    .map(({ answer }) => answer.history)
    .reduce(
      (newest, one) => (newest === undefined || (one && isOlder?.(newest, one)) ? one : newest),
      undefined,
    );
  const isNewest = (known: History | undefined) => !known || !history || !isOlder?.(known, history);
  const writable = ours.filter(({ answer }) => answer.role !== 'replica' && isNewest(answer.history));
  const [reader] = ours
    .filter(({ answer }) => answer.role === 'replica')
    .toSorted((a, b) => (hasReached(positions, a.answer.position, b.answer.position) ? -1 : 1));
  const nodes = writable.map(({ node }) => node);
  return {
    // Where histories have no order, the configured one is no better than another.
    writable: isOlder && nodes.includes(configured) ? [configured] : nodes,
    reader: reader?.node,
    history: isOlder && history,
    systemId,
  };
}

/** `undefined` when two are as common: nobody can say which cluster is meant. */
function mostCommon(ids: readonly (string | undefined)[]): string | undefined {
  const counts = new Map<string, number>();
  for (const id of ids) if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  const [first, second] = [...counts].toSorted(([, a], [, b]) => b - a);
  return first && first[1] !== second?.[1] ? first[0] : undefined;
}
