import type { Engine } from '../../engine.js';
import type { History } from '../../position.js';
import type { KnownSnapshot, NodeState } from '../../routing/node-snapshot.js';

type Watched = { readonly snapshot: KnownSnapshot };

/** What promotions are told by. */
export interface FailoverTerms<N> extends Pick<Engine, 'isOlder'> {
  /** Whether a node was seen to follow a primary: only then its being writable is news. */
  readonly hasFollowed: (node: N) => boolean;
}

/**
 * The node that has been promoted in the primary's place, if one has: writable, of the same database cluster, and on a
 * newer history than the primary was ever seen on. An old primary that returns is writable too, but its history is
 * older, so writes never go back to it.
 */
export function promotedNode<N extends Watched>(
  primary: KnownSnapshot,
  others: readonly N[],
  { isOlder, hasFollowed }: FailoverTerms<N>,
): N | undefined {
  const writable = others.filter(({ snapshot }) => isOtherPrimary(snapshot, primary));
  if (isOlder === undefined) return onlyWritable(primary, writable.filter(hasFollowed));
  let promoted: N | undefined;
  let newest: History | undefined = primary.place.history;
  for (const node of writable) {
    const { history } = node.snapshot.place;
    if (history === undefined || (newest !== undefined && !isOlder(newest, history))) continue;
    promoted = node;
    newest = history;
  }
  return promoted;
}

function isOtherPrimary({ state, systemId, place }: KnownSnapshot, primary: KnownSnapshot): boolean {
  return state === 'is-primary' && systemId === primary.systemId && place.history !== undefined;
}

/** States of a primary that nobody can write on. One that is doubted may be well. */
const LOST: ReadonlySet<NodeState> = new Set(['unreachable', 'is-replica']);

/** Without an order of histories, one that can be written has to be the only one: of two, neither is known to be right. */
function onlyWritable<N extends Watched>(primary: KnownSnapshot, writable: readonly N[]): N | undefined {
  const isOnly = writable.length === 1 && LOST.has(primary.state);
  return isOnly && writable[0]?.snapshot.place.history !== primary.place.history ? writable[0] : undefined;
}
