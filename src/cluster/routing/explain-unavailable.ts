import {
  NoReplicaAvailableError,
  PrimaryUnavailableError,
  UsageError,
  type ReplicatedError,
} from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Unavailable } from '../../routing/plan.js';
import type { IntentChoice } from '../../routing/route.js';
import type { Topology } from '../nodes/topology.js';

/** What a caller is told whose query is refused. */
export function explainUnavailable(
  { error, reason }: Unavailable,
  { group }: Pick<IntentChoice, 'group'>,
  { options, topology }: { readonly options: ResolvedOptions; readonly topology: Topology },
): ReplicatedError {
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
    case 'unknown-group':
      return new UsageError(describeUnknownGroup(`cluster "${options.name}"`, group, topology.knownGroups));
    default:
      return error satisfies never;
  }
}

/** `where`: "cluster ...", or of whom else it is said. */
export function describeUnknownGroup(
  where: string,
  group: string | undefined,
  known: ReadonlySet<string>,
): string {
  const groups = known.size > 0 ? `Its groups: ${[...known].join(', ')}` : 'None of its replicas has a group';
  return `No replica of ${where} is in the group "${group}" of @UseReplica({ group }). ${groups}. Correct the name, or set replicas apart: replicas: [{ url, group: '${group}' }].`;
}
