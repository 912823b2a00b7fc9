import type { ResolvedOptions } from './resolved-options.js';

/** Whether there is anything to route: replicas from the start, or something of ours that was asked for without any. */
export function isRouted({ replicas, routing }: Pick<ResolvedOptions, 'replicas' | 'routing'>): boolean {
  return replicas.length > 0 || routing.onReplicaWrite !== 'off' || routing.explainHeader;
}
