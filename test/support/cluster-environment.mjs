// The environment of tests on clusters. It stands outside of what jest loads for each file: a worker keeps its clusters from one
// file to the next.
import { TestEnvironment } from 'jest-environment-node';
import '../../scripts/run-sources.mjs';

let loading;
/** Of this worker, made for the first file that asks for a cluster. */
const clusterPool = () =>
  (loading ??= import('./cluster-pool.ts').then(({ ClusterPool }) => new ClusterPool()));

export default class ClusterEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.borrowCluster = async (replicas) => (await clusterPool()).borrow(replicas);
  }

  async teardown() {
    if (loading) await (await loading).takeBack();
    await super.teardown();
  }
}
