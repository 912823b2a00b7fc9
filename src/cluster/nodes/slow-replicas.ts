/** How long the reads of a node take, in this process. */
export interface ReadTimes {
  /** About the middle of them, in ms: each moves it by a little, so that a few long reports say nothing. */
  typicalMs: number;
  /** Since they were judged last. */
  count: number;
}

/** How far one read moves the middle. */
export const STEP = 1.05;
/** Below, clocks tell nothing. */
export const SHORTEST_MS = 1;

/** A replica as far as its speed is judged. */
export interface Timed {
  readonly reads: ReadTimes;
  readonly settings: { readonly weight: number };
  weight: number;
}

/**
 * Gives replicas whose reads take well longer than those of the others half of their weight, until they do not any more:
 * their disks or caches may be the reason, which no probe sees. The quickest is never one of them.
 */
export function weighReplicas(replicas: readonly Timed[]): void {
  const judged = replicas.filter(({ reads }) => reads.count >= ENOUGH);
  if (judged.length < 2) return;
  for (const node of judged) {
    const peersMs = medianOf(judged.filter((peer) => peer !== node).map(({ reads }) => reads.typicalMs));
    const { settings, weight, reads } = node;
    // It returns well below the limit, since around the limit it would come and go.
    const factor = weight < settings.weight ? BACK_BELOW : SLOW_ABOVE;
    const isSlow = reads.typicalMs > factor * peersMs + MARGIN_MS;
    node.weight = isSlow ? settings.weight * SLOW_SHARE : settings.weight;
  }
  for (const { reads } of judged) reads.count = 0;
}

const SLOW_SHARE = 0.5;
const ENOUGH = 50;
const SLOW_ABOVE = 3;
const BACK_BELOW = 1.5;
/** Quick reads differ by what the machine does. */
const MARGIN_MS = 10;

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
