import type { Servers, Variant } from '../app/variant.js';
import { Child } from '../measure/child.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { orderOfRound, rounded } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';
import {
  OPERATIONS,
  type CallsApplication,
  type CallsJob,
  type CallTimes,
  type Operation,
} from './calls-child.js';

/** One operation of one variant: microseconds per call, of each round. */
export interface CallResult {
  readonly variant: Variant;
  readonly operation: Operation;
  readonly wallUs: readonly number[];
  readonly cpuUs: readonly number[];
}

interface Series {
  readonly variant: Variant;
  readonly operation: Operation;
  readonly wallUs: number[];
  readonly cpuUs: number[];
}

const VARIANTS = ['plain', 'typeorm-replication', 'eventual', 'session'] as const;

/** Time per repository call, each variant in a process of its own, in alternating short slices. */
export async function measureCalls({ calls }: Sizes): Promise<readonly CallResult[]> {
  const cluster = await startSeededCluster(2);
  const all = VARIANTS.flatMap((variant) =>
    OPERATIONS.map((operation): Series => ({ variant, operation, wallUs: [], cpuUs: [] })),
  );
  try {
    for (let start = 0; start < calls.starts; start++) await measureOneStart(calls, serversOf(cluster), all);
  } finally {
    await cluster.stop();
  }
  return all;
}

async function measureOneStart(
  { rounds, perRound }: Sizes['calls'],
  servers: Servers,
  all: readonly Series[],
): Promise<void> {
  const children = new Map<Variant, Child>(
    await Promise.all(
      VARIANTS.map(async (variant) => [variant, await startChild(variant, servers)] as const),
    ),
  );
  const time = ({ variant, operation }: Series, count: number) =>
    (children.get(variant) as Child).ask<CallTimes>('time', { operation, calls: count } satisfies CallsJob);
  try {
    for (const one of all) await time(one, WARM_UP * perRound);
    for (let round = 0; round < rounds; round++) {
      for (const operation of OPERATIONS) {
        const some = all.filter((one) => one.operation === operation);
        for (const one of orderOfRound(some, round)) {
          const { wallUs, cpuUs } = await time(one, perRound);
          one.wallUs.push(rounded(wallUs, 1));
          one.cpuUs.push(rounded(cpuUs, 1));
        }
      }
    }
  } finally {
    await Promise.all(Array.from(children.values(), (child) => child.stop()));
  }
}

async function startChild(variant: Variant, servers: Servers): Promise<Child> {
  const child = Child.start(new URL('./calls-child.js', import.meta.url));
  await child.ask('start', { variant, ...servers } satisfies CallsApplication);
  return child;
}

/** In rounds: after that the compiler has seen enough. */
const WARM_UP = 40;
