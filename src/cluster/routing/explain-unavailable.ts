import { NoReplicaAvailableError, PrimaryUnavailableError, type UnavailableError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Unavailable } from '../../routing/plan.js';
import type { Topology } from '../nodes/topology.js';

/** What a caller is told whose query is refused. */
export function explainUnavailable(
  { error, reason }: Unavailable,
  { options, topology }: { readonly options: ResolvedOptions; readonly topology: Topology },
): UnavailableError {
  switch (error) {
    case 'primary-unavailable': {
      const { name, snapshot } = topology.primary;
      return new PrimaryUnavailableError(
        `The primary "${name}" of cluster "${options.name}" cannot be used now (${snapshot.detail ?? 'no answer'}). Nothing was sent; try again when it is back.`,
      );
    }
    case 'no-replica-available':
      return new NoReplicaAvailableError(
        `No replica of cluster "${options.name}" can serve this read (${reason}), and routing.primaryFallback is false. Allow it with routing.primaryFallback: { maxConcurrent: n }, or add replicas.`,
      );
    default:
      return error satisfies never;
  }
}
