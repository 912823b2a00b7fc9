import type { PostgresNode } from 'nestjs-replicated/testing';
import { Child } from '../measure/child.js';
import { createProbe } from '../measure/internals.js';
import { median } from '../measure/statistics.js';
import { startSeededCluster } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import type { UnitCost } from './units-child.js';

/** What single steps cost. */
export interface UnitResults {
  readonly costs: readonly UnitCost[];
  /** Time that a server of the cluster works for one probe, by its own account. */
  readonly probeUs: number;
}

/** Unit costs, in processes that do nothing else. */
export async function measureUnits({ units }: Sizes): Promise<UnitResults> {
  const times = await askAlone<readonly Omit<UnitCost, 'bytes'>[]>('times', units);
  // Memory that is always new is slow, so that times are not measured here.
  const bytes = await askAlone<readonly number[]>('bytes', units, LARGE_YOUNG_GENERATION);
  return {
    costs: times.map((one, index) => ({ ...one, bytes: bytes[index] ?? Number.NaN })),
    probeUs: await probeUs(units.rounds),
  };
}

const LARGE_YOUNG_GENERATION = ['--max-semi-space-size=128', '--min-semi-space-size=128'];

async function askAlone<T>(question: string, job: Sizes['units'], flags: readonly string[] = []): Promise<T> {
  const child = Child.start(new URL('./units-child.js', import.meta.url), { flags });
  try {
    return await child.ask<T>(question, job);
  } finally {
    await child.stop();
  }
}

async function probeUs(rounds: number): Promise<number> {
  const cluster = await startSeededCluster(0);
  try {
    const { probe } = createProbe({ onWeakness: () => undefined, onDefaults: () => undefined });
    const times: number[] = [];
    for (let round = 0; round < 20 * rounds; round++) {
      let us = 0;
      await probe(async (sql) => {
        us += await costUs(cluster.primary, sql);
        return [];
      });
      times.push(us);
    }
    return median(times);
  } finally {
    await cluster.stop();
  }
}

/** Of one statement, to plan and to execute it. */
async function costUs(server: PostgresNode, sql: string): Promise<number> {
  const [row] = await server.query<{
    'QUERY PLAN': string | { 'Execution Time': number; 'Planning Time': number }[];
  }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`);
  const plan = row?.['QUERY PLAN'];
  const [timing] = typeof plan === 'string' ? (JSON.parse(plan) as never) : (plan ?? []);
  return 1000 * ((timing?.['Execution Time'] ?? 0) + (timing?.['Planning Time'] ?? 0));
}
