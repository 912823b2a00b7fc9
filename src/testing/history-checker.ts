import { setTimeout as sleep } from 'node:timers/promises';
import { HistoryClient, HistoryTally, type HistoryViolation } from './history-client.js';
import type { HistoryClients } from './history-clients.js';
import type { HistoryFault } from './history-faults.js';
import { SeededRandom } from './seeded-random.js';
import { TestingError } from './testing-error.js';

/** Options of {@link checkHistory}. */
export interface HistoryOptions {
  /**
   * Of a resource of rows, one URL per instance of the application. `POST <url>/<row>` adds 1 to the row's version,
   * `GET <url>/<row>` reads it, both answer `{ "version": n }`. Rows are `0`, `1`, ... and must exist.
   */
  readonly urls: readonly string[];
  /** The clients, by kind: {@link cookieClients}, {@link headerClients}, {@link keyClients}, or your own. */
  readonly clients: readonly HistoryClients[];
  /** What goes wrong meanwhile, one after the other: {@link replicaFaults}, or your own. Default: nothing. */
  readonly faults?: readonly HistoryFault[];
  /** In milliseconds. Default 10,000. */
  readonly durationMs?: number;
  /** Number of rows. Default 8. */
  readonly rows?: number;
  /** Share of the requests that write, of clients that do not say theirs. Default 0.2. */
  readonly writeShare?: number;
  /** Mean pause of a client between two requests, in milliseconds. Default 5. */
  readonly thinkMs?: number;
  /** Repeats the choices: rows, instances, pauses, faults. Default 1. */
  readonly seed?: number;
}

/** What {@link checkHistory} has seen. */
export interface HistoryReport {
  /** Requests that were answered. */
  readonly operations: number;
  readonly reads: number;
  readonly writes: number;
  /** Requests that were answered with an error, or not at all. */
  readonly failures: number;
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  /** Reads that broke a promise. Must be empty. */
  readonly violations: readonly HistoryViolation[];
  /** Share of the reads that replicas served, from 0 to 1, by the response header `Replication-Route`. */
  readonly replicaShare: number;
}

/**
 * Checks on the running application that clients see their own writes, and that reads do not go back in time where
 * that is promised, while things go wrong. Turn `routing.explainHeader` on in the application.
 *
 * @throws TestingError `ERR_TESTING_BAD_OPTION` without URLs or clients; whatever a fault of yours throws
 * @example
 * const report = await checkHistory({ urls, clients: [cookieClients()], faults: replicaFaults(cluster) });
 * expect(report.violations).toEqual([]);
 */
export async function checkHistory(options: HistoryOptions): Promise<HistoryReport> {
  const { urls, clients, faults = [], durationMs = 10_000, seed = 1 } = options;
  if (urls.length === 0 || clients.length === 0) {
    throw new TestingError('ERR_TESTING_BAD_OPTION', 'urls, clients: expected at least one of each.');
  }
  const tally = new HistoryTally();
  const endsAt = performance.now() + durationMs;
  let hasFailed = false;
  const isOver = () => hasFailed || performance.now() >= endsAt;
  const running = createClients(options, { tally, isOver }).map((client) => client.run());
  const injecting = injectFaults(faults, { random: new SeededRandom(seed + 1), isOver }).catch(
    (error: unknown) => {
      hasFailed = true;
      throw error;
    },
  );
  const [counts] = await Promise.all([injecting, ...running]);
  return reportOf(tally, counts);
}

function createClients(
  { urls, clients, rows = 8, writeShare = 0.2, thinkMs = 5, seed = 1 }: HistoryOptions,
  { tally, isOver }: { tally: HistoryTally; isOver: () => boolean },
): readonly HistoryClient[] {
  return clients.flatMap((kind, kindIndex) =>
    Array.from({ length: kind.count ?? 4 }, (_, index) => {
      const random = new SeededRandom(seed * 1_000_003 + kindIndex * 1_009 + index);
      const around = { urls, rows, writeShare, thinkMs, random, isOver, tally };
      return new HistoryClient(`${kind.name} ${index + 1}`, kind, around);
    }),
  );
}

/** One after the other, each for a while, with a pause behind it. */
async function injectFaults(
  faults: readonly HistoryFault[],
  { random, isOver }: { random: SeededRandom; isOver: () => boolean },
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  while (faults.length > 0 && !isOver()) {
    const fault = random.pick(faults);
    counts[fault.name] = (counts[fault.name] ?? 0) + 1;
    await fault.inject();
    await sleep(100 + random.below(400));
    await fault.heal();
    await sleep(random.below(300));
  }
  return counts;
}

function reportOf(
  { reads, writes, failures, replicaReads, violations }: HistoryTally,
  faults: Readonly<Record<string, number>>,
): HistoryReport {
  const replicaShare = reads === 0 ? 0 : replicaReads / reads;
  return { operations: reads + writes, reads, writes, failures, faults, violations, replicaShare };
}
