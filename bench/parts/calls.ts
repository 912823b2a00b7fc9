import { setTimeout as sleep } from 'node:timers/promises';
import type { Servers, Variant } from '../app/variant.js';
import { Child } from '../measure/child.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { orderOfRound, rounded, SETTLE_MS, type Starts } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';
import {
  OPERATIONS,
  type CallsApplication,
  type CallsJob,
  type CallTimes,
  type Operation,
} from './calls-child.js';

/** One operation of one variant: microseconds per call. */
export interface CallResult {
  readonly variant: Variant;
  readonly parts: CallsApplication['parts'];
  readonly operation: Operation;
  readonly wallUs: Starts;
  readonly cpuUs: Starts;
}

type Subject = Pick<CallsApplication, 'variant' | 'parts'>;

interface Series extends Subject {
  readonly operation: Operation;
  readonly wallUs: number[][];
  readonly cpuUs: number[][];
}

const SUBJECTS: readonly Subject[] = [
  { variant: 'plain', parts: 'none' },
  { variant: 'plain', parts: 'storage' },
  { variant: 'typeorm-replication', parts: 'none' },
  { variant: 'eventual', parts: 'none' },
  { variant: 'session', parts: 'none' },
];

/**
 * Time per repository call, each variant in a process of its own, in alternating short slices. With one replica, so that
 * each reads one server: going to and fro between two of them costs by itself.
 */
export async function measureCalls({ calls }: Sizes): Promise<readonly CallResult[]> {
  const cluster = await startSeededCluster(1);
  const all = SUBJECTS.flatMap((subject) =>
    OPERATIONS.map((operation): Series => ({ ...subject, operation, wallUs: [], cpuUs: [] })),
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
  for (const { wallUs, cpuUs } of all) for (const figures of [wallUs, cpuUs]) figures.push([]);
  const children = await Promise.all(SUBJECTS.map((subject) => startChild(subject, servers)));
  const time = ({ variant, parts, operation }: Series, count: number) => {
    const at = SUBJECTS.findIndex((subject) => subject.variant === variant && subject.parts === parts);
    return (children[at] as Child).ask<CallTimes>('time', { operation, calls: count } satisfies CallsJob);
  };
  try {
    for (const one of all) await time(one, WARM_UP * perRound);
    for (const operation of OPERATIONS) {
      const some = all.filter((one) => one.operation === operation);
      await sleep(SETTLE_MS);
      for (let round = 0; round < rounds; round++) {
        for (const one of orderOfRound(some, round)) {
          const { wallUs, cpuUs } = await time(one, perRound);
          one.wallUs.at(-1)?.push(rounded(wallUs, 1));
          one.cpuUs.at(-1)?.push(rounded(cpuUs, 1));
        }
      }
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function startChild(subject: Subject, servers: Servers): Promise<Child> {
  const child = Child.start(new URL('./calls-child.js', import.meta.url));
  await child.ask('start', { ...subject, ...servers } satisfies CallsApplication);
  return child;
}

/** In rounds: after that the compiler has seen enough. */
const WARM_UP = 40;
