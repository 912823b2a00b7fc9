import type { Engine } from '../../engine.js';
import type { History } from '../../position.js';
import type { KnownSnapshot } from '../../routing/node-snapshot.js';

/**
 * The node that has been promoted in the primary's place, if one has: writable, of the same database cluster, and on a
 * newer history than the primary was ever seen on. An old primary that returns is writable too, but its history is
 * older, so writes never go back to it.
 */
export function promotedNode<N extends { readonly snapshot: KnownSnapshot }>(
  primary: KnownSnapshot,
  others: readonly N[],
  { isOlder }: Pick<Engine, 'isOlder'>,
): N | undefined {
  let promoted: N | undefined;
  let newest: History | undefined = primary.place.history;
  for (const node of others) {
    const { state, systemId, place } = node.snapshot;
    if (state !== 'is-primary' || systemId !== primary.systemId || place.history === undefined) continue;
    if (newest !== undefined && !isOlder(newest, place.history)) continue;
    promoted = node;
    newest = place.history;
  }
  return promoted;
}
