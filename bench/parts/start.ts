import type { StartCost } from '../app/server.js';
import { CONTENDERS, type Contender, type ContenderName } from '../app/variant.js';
import { withBench } from '../measure/bench.js';
import { inTurns } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** What an application costs before its first request: one figure of each start. */
export interface StartResult {
  readonly contender: ContenderName;
  readonly entities: number;
  readonly costs: readonly StartCost[];
}

const COMPARED: readonly ContenderName[] = ['plain', 'control', 'no-replicas', 'session'];

/** Start-up with many entities, each in a process of its own, and the memory that it takes. */
export function measureStart({ start: { rounds, entities } }: Sizes): Promise<readonly StartResult[]> {
  return withBench({ replicas: 1 }, async ({ start, servers }) => {
    const results = COMPARED.map((contender) => ({ contender, entities, costs: [] as StartCost[] }));
    // The first start reads files that the others find in memory.
    await inTurns(results, { warmUpRounds: 1, rounds }, async ({ contender, costs }, round) => {
      const { variant, hasNoReplicas }: Contender = CONTENDERS[contender];
      const replicaUrls = hasNoReplicas ? [] : servers.replicaUrls;
      const server = await start({ ...servers, variant, replicaUrls, platform: 'fastify', tables: entities });
      if (round >= 0) costs.push(await server.process.ask<StartCost>('startCost'));
      await server.process.stop();
    });
    return results;
  });
}
