import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { startCluster } from '../support/database.js';
import { nodesOf, type Nodes } from './database-options.js';
import type { RunningApplication } from '../support/open-app.js';

/** What the tests of one file share. */
export interface Stage {
  readonly cluster: PostgresCluster;
  readonly app: RunningApplication;
}

/** A cluster with two replicas and an application on it, for all tests of a `describe`. */
export function withCluster(start: (nodes: Nodes) => Promise<RunningApplication>): Stage {
  const stage: { -readonly [Key in keyof Stage]?: Stage[Key] } = {};
  beforeAll(async () => {
    stage.cluster = await startCluster({ replicas: 2 });
    stage.app = await start(nodesOf(stage.cluster));
    await stage.cluster.waitForReplication();
  });
  afterEach(async () => {
    const { cluster } = stage;
    if (!cluster) return;
    for (const node of cluster.nodes) if (node.state === 'stopped') await node.start();
    for (const replica of cluster.replicas) await replica.resumeReplay();
    await cluster.waitForReplication();
  });
  afterAll(async () => {
    await stage.app?.close();
    await stage.cluster?.stop();
  });
  return stage as Stage;
}
