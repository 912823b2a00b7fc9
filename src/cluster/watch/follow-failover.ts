import type { NodeSnapshot } from '../../routing/node-snapshot.js';

/**
 * The node that has been promoted in the primary's place, if one has: writable, of the same database cluster, and on a
 * newer timeline than the primary was ever seen on. An old primary that returns is writable too, but its timeline is
 * older, so writes never go back to it.
 */
export function promotedNode<N extends { readonly snapshot: NodeSnapshot }>(
  primary: NodeSnapshot,
  others: readonly N[],
): N | undefined {
  const { systemId, timeline = 0 } = primary;
  const promoted = others.filter(
    ({ snapshot }) =>
      snapshot.state === 'is-primary' &&
      snapshot.systemId === systemId &&
      (snapshot.timeline ?? 0) > timeline,
  );
  return promoted.sort((a, b) => (b.snapshot.timeline ?? 0) - (a.snapshot.timeline ?? 0))[0];
}
