import { CONTENDERS, type Contender, type ContenderName, type Servers } from '../app/variant.js';
import { withBench } from '../measure/bench.js';
import { Child } from '../measure/child.js';
import { inTurns } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';
import type { StartCost, StartJob } from './start-child.js';

/** What an application costs before its first request: one figure of each start. */
export interface StartResult {
  readonly contender: ContenderName;
  readonly entities: number;
  readonly costs: readonly StartCost[];
}

const COMPARED: readonly ContenderName[] = ['plain', 'control', 'no-replicas', 'session'];

/** Start-up with many entities, each in a process of its own, and the memory that it takes. */
export function measureStart({ start: { rounds, entities } }: Sizes): Promise<readonly StartResult[]> {
  return withBench({ replicas: 1 }, async ({ servers }) => {
    const results = COMPARED.map((contender) => ({ contender, entities, costs: [] as StartCost[] }));
    // The first start reads files that the others find in memory.
    await inTurns(results, { warmUpRounds: 1, rounds }, async ({ contender, costs }, round) => {
      const cost = await startOnce(contender, { ...servers, entities });
      if (round >= 0) costs.push(cost);
    });
    return results;
  });
}

async function startOnce(
  name: ContenderName,
  { entities, ...servers }: Servers & { readonly entities: number },
): Promise<StartCost> {
  const child = Child.start('parts/start-child.js');
  const { variant, hasNoReplicas }: Contender = CONTENDERS[name];
  try {
    const job: StartJob = { variant, entities, ...servers, ...(hasNoReplicas ? { replicaUrls: [] } : {}) };
    return await child.ask<StartCost>('run', job);
  } finally {
    await child.stop();
  }
}
