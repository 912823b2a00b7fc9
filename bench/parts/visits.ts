import type { Variant } from '../app/variant.js';
import { countVisits, type VisitCounts, type VisitsReport } from '../load/visits.js';
import { withBench, type Bench } from '../measure/bench.js';
import { onEachEngine, type EngineName, type OfEngine } from '../measure/engines.js';
import { VERSIONS } from '../measure/seeded-cluster.js';
import { inTurns } from '../measure/statistics.js';
import type { LagCell, Sizes } from '../sizes.js';

/** What clients of one variant saw at one lag. */
export interface LagResult extends OfEngine, LagCell, VisitCounts {
  readonly variant: Variant;
}

/** What a read right behind its client's write gains by waiting. */
export interface WaitResult extends VisitCounts {
  readonly maxWaitMs: number;
}

const COMPARED: readonly Variant[] = ['typeorm-replication', 'session', 'time-pinning'];
/** Each variant's clients have rows of their own. */
const CLIENTS = Math.floor(VERSIONS / COMPARED.length);
const VERSIONS_PER_JOB = 1_000_000;

/** Post, redirect, get: by the clients of all variants at once, while the replicas apply what the primary commits late. */
export function measureLag({ lag }: Sizes): Promise<readonly LagResult[]> {
  const measure = (engine: EngineName) =>
    withBench({ engine, replicas: 2 }, (bench) => measureLags(bench, lag));
  return onEachEngine(measure, { atOnce: true });
}

async function measureLags(
  { cluster, servers, start, replicaPorts }: Bench,
  { cells, ...sizes }: Sizes['lag'],
): Promise<readonly Omit<LagResult, 'engine'>[]> {
  const running = await Promise.all(
    COMPARED.map((variant) => start({ variant, platform: 'express', ...servers })),
  );
  const results: Omit<LagResult, 'engine'>[] = [];
  for (const [index, cell] of cells.entries()) {
    for (const replica of cluster.replicas) await replica.setApplyDelay(cell.lagMs);
    const job = { ...sizes, clients: CLIENTS, writeShare: cell.writeShare };
    const firstVersion = index * VERSIONS_PER_JOB;
    const reports = await Promise.all(
      running.map((server, at) => server.visit({ ...job, firstVersion, firstRow: at * CLIENTS })),
    );
    for (const [at, report] of reports.entries()) {
      running[at]?.mustRun();
      const variant = COMPARED[at] as Variant;
      results.push({ variant, ...cell, ...countVisits([report], replicaPorts) });
    }
  }
  return results;
}

/** Every visit posts a form and reads what it has written, by applications that differ in `consistency.maxWaitMs`. */
export function measureWait({ wait }: Sizes): Promise<readonly WaitResult[]> {
  return withBench({ replicas: 2 }, async ({ start, servers, replicaPorts }) => {
    const { perSecond, durationMs } = wait;
    const running = await Promise.all(
      wait.maxWaitMs.map(async (maxWaitMs) => ({
        maxWaitMs,
        server: await start({ variant: 'session', platform: 'fastify', maxWaitMs, ...servers }),
        reports: [] as VisitsReport[],
      })),
    );
    let firstVersion = 0;
    await inTurns(running, wait, async ({ server, reports }) => {
      firstVersion += VERSIONS_PER_JOB;
      const job = { clients: CLIENTS, perSecond, durationMs, writeShare: 1, firstVersion };
      reports.push(await server.visit(job));
      server.mustRun();
    });
    return running.map(({ maxWaitMs, reports }) => ({ maxWaitMs, ...countVisits(reports, replicaPorts) }));
  });
}
