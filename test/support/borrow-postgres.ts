import {
  startPostgresCluster,
  type PostgresCluster,
  type PostgresClusterOptions,
} from 'nestjs-replicated/testing';
import type { ClusterPool } from './cluster-pool.js';

declare global {
  /** What `cluster-environment.mjs` gives tests on clusters. */
  var borrowCluster: ClusterPool['borrow'] | undefined;
}

/**
 * A cluster with an empty database `app`, of those that this worker keeps: a test may do with it what it likes. One with more
 * options than `replicas` is started for the test.
 */
export async function borrowPostgres(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  const { replicas = 1, ...others } = options;
  const borrow = globalThis.borrowCluster;
  return borrow && Object.keys(others).length === 0 ? borrow(replicas) : startPostgresCluster(options);
}
