import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/nodes/lease.js';
import type { Want } from '../cluster/routing/router.js';
import { losesConnection } from './failed-query.js';
import { partsOf } from './internals.js';
import type { RoutedCluster } from './routed-cluster.js';

/**
 * What a client has read here it must not see older elsewhere; the connection is asked before others get it. Answers why
 * nobody must use the connection any more, if so.
 */
export async function noteReads(
  runner: QueryRunner,
  lease: Lease,
  { want, cluster }: { readonly want: Want; readonly cluster: RoutedCluster },
): Promise<unknown> {
  const { databaseConnection, isReleased } = partsOf(runner);
  if (!databaseConnection || isReleased) return undefined;
  try {
    const position = await cluster.engine.readPosition(databaseConnection);
    await cluster.noteRead(want, lease, position);
    return undefined;
  } catch (error) {
    // The read itself has succeeded. Of its place in the log nothing is known: the node is asked whether it is well.
    return losesConnection(cluster.failures.report(lease, error)) ? error : undefined;
  }
}
