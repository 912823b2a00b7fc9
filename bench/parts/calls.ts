import { Child } from '../measure/child.js';
import { ratioOf, median, type Ratio } from '../measure/statistics.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import type { Variant } from '../app/variant.js';
import type { CallsJob, CallTimes, Operation } from './calls-child.js';

/** One operation of one variant, against the plain one. */
export interface CallResult {
  readonly variant: Variant;
  readonly operation: Operation;
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly wall: Ratio;
  readonly cpu: Ratio;
}

/** Time per repository call, all variants in one process, in alternating batches. */
export async function measureCalls({ calls }: Sizes): Promise<readonly CallResult[]> {
  const cluster = await startSeededCluster(2);
  const child = Child.start(new URL('./calls-child.js', import.meta.url));
  try {
    const job: CallsJob = {
      ...serversOf(cluster),
      ...calls,
      variants: ['plain', 'typeorm-replication', 'eventual', 'session'],
    };
    const series = await child.ask<readonly CallTimes[]>('run', job);
    return series.map((times) => compare(times, series));
  } finally {
    await child.stop();
    await cluster.stop();
  }
}

function compare(times: CallTimes, series: readonly CallTimes[]): CallResult {
  const { variant, operation, wallUs, cpuUs } = times;
  const plain = series.find((other) => other.variant === 'plain' && other.operation === operation) ?? times;
  return {
    variant,
    operation,
    wallUs: median(wallUs),
    cpuUs: median(cpuUs),
    wall: ratioOf(wallUs, plain.wallUs),
    cpu: ratioOf(cpuUs, plain.cpuUs),
  };
}
