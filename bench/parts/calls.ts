import { setTimeout as sleep } from 'node:timers/promises';
import type { Servers, Variant } from '../app/variant.js';
import { Child } from '../measure/child.js';
import { versionOfNode } from '../measure/describe-machine.js';
import { onEachEngine, type EngineName, type OfEngine } from '../measure/engines.js';
import { serversOf, startSeededEngine } from '../measure/seeded-cluster.js';
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
export interface CallResult extends OfEngine {
  /** Version of Node. */
  readonly node: string;
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
export function measureCalls(
  { calls }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly CallResult[]> {
  return onEachEngine((engine) => measureEngine(engine, calls, nodes));
}

async function measureEngine(
  engine: EngineName,
  calls: Sizes['calls'],
  nodes: readonly (string | undefined)[],
): Promise<readonly Omit<CallResult, 'engine'>[]> {
  const cluster = await startSeededEngine(engine, 1);
  const results: Omit<CallResult, 'engine'>[] = [];
  try {
    for (const node of nodes) {
      const all = SUBJECTS.flatMap((subject) =>
        OPERATIONS.map((operation): Series => ({ ...subject, operation, wallUs: [], cpuUs: [] })),
      );
      const setup = { servers: serversOf(cluster), node };
      for (let start = 0; start < calls.starts; start++) await measureOneStart(calls, setup, all);
      results.push(...all.map((one) => ({ node: versionOfNode(node), ...one })));
    }
  } finally {
    await cluster.stop();
  }
  return results;
}

interface Setup {
  readonly servers: Servers;
  readonly node: string | undefined;
}

async function measureOneStart(
  { warmUpRounds, rounds, perRound }: Sizes['calls'],
  setup: Setup,
  all: readonly Series[],
): Promise<void> {
  for (const { wallUs, cpuUs } of all) for (const figures of [wallUs, cpuUs]) figures.push([]);
  const children = await Promise.all(SUBJECTS.map((subject) => startChild(subject, setup)));
  const time = ({ variant, parts, operation }: Series) => {
    const at = SUBJECTS.findIndex((subject) => subject.variant === variant && subject.parts === parts);
    return (children[at] as Child).ask<CallTimes>('time', { operation, calls: perRound } satisfies CallsJob);
  };
  try {
    for (const operation of OPERATIONS) {
      const some = all.filter((one) => one.operation === operation);
      await sleep(SETTLE_MS);
      // The first rounds warm up, in the same turns: a process that has to wait after that is compiled again.
      for (let round = -warmUpRounds; round < rounds; round++) {
        for (const one of orderOfRound(some, round)) {
          const { wallUs, cpuUs } = await time(one);
          if (round < 0) continue;
          one.wallUs.at(-1)?.push(rounded(wallUs, 1));
          one.cpuUs.at(-1)?.push(rounded(cpuUs, 1));
        }
      }
    }
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function startChild(subject: Subject, { servers, node }: Setup): Promise<Child> {
  const child = Child.start(new URL('./calls-child.js', import.meta.url), { node });
  await child.ask('start', { ...subject, ...servers } satisfies CallsApplication);
  return child;
}
