import { setTimeout as sleep } from 'node:timers/promises';
import { CONTENDERS, type Contender, type ContenderName } from '../app/variant.js';
import type { BenchServer } from './bench.js';
import { inTurns, rounded, type Starts } from './statistics.js';

/** What one call or request costs one contender. */
export interface OverheadResult {
  readonly node: string;
  /** The database of a call, the platform of a request. */
  readonly on: string;
  readonly what: string;
  readonly contender: ContenderName;
  readonly cpuUs: Starts;
  readonly p50Ms: Starts;
  readonly failed: number;
  /** Of one call, counted on the way to the servers. */
  readonly roundTrips?: number;
}

/** Contenders that do the same kinds of things. */
export interface Contest<Kind extends string> {
  readonly contenders: readonly ContenderName[];
  readonly kinds: readonly Kind[];
  readonly sizes: { readonly starts: number; readonly warmUpRounds: number; readonly rounds: number };
  readonly start: (contender: Contender) => Promise<BenchServer>;
  readonly prepare?: (kind: Kind, servers: readonly BenchServer[]) => Promise<void>;
  readonly slice: (
    server: BenchServer,
    kind: Kind,
  ) => Promise<{ cpuUs: number; p50Ms: number; failed?: number }>;
}

interface Series<Kind> extends Pick<OverheadResult, 'contender'> {
  readonly what: Kind;
  readonly cpuUs: number[][];
  readonly p50Ms: number[][];
  failed: number;
}

/** What was written keeps all servers at work for a while. */
const SETTLE_MS = 1_000;

/**
 * All do as many of each kind: a process that does more is compiled better. Processes that do the same differ by some
 * percent for as long as they live, so they are started again now and then.
 */
export async function contest<Kind extends string>(job: Contest<Kind>): Promise<readonly Series<Kind>[]> {
  const all = job.kinds.flatMap((what) =>
    job.contenders.map((contender): Series<Kind> => ({ what, contender, cpuUs: [], p50Ms: [], failed: 0 })),
  );
  for (let start = 0; start < job.sizes.starts; start++) await measureOneStart(job, all);
  return all;
}

async function measureOneStart<Kind extends string>(
  { contenders, kinds, sizes, start, prepare, slice }: Contest<Kind>,
  all: readonly Series<Kind>[],
): Promise<void> {
  for (const { cpuUs, p50Ms } of all) for (const figures of [cpuUs, p50Ms]) figures.push([]);
  const startOne = async (name: ContenderName) => [name, await start(CONTENDERS[name])] as const;
  const servers = new Map(await Promise.all(contenders.map(startOne)));
  await sleep(SETTLE_MS);
  for (const kind of kinds) {
    await prepare?.(kind, [...servers.values()]);
    const some = all.filter(({ what }) => what === kind);
    await inTurns(some, sizes, async (one, round) => {
      const { cpuUs, p50Ms, failed = 0 } = await slice(servers.get(one.contender) as BenchServer, kind);
      if (round < 0) return;
      one.cpuUs.at(-1)?.push(rounded(cpuUs, 1));
      one.p50Ms.at(-1)?.push(rounded(p50Ms, 3));
      one.failed += failed;
    });
  }
  await Promise.all(Array.from(servers.values(), (server) => server.process.stop()));
}
