import { OPERATIONS, type CallCosts, type CallsJob, type Operation } from '../app/calls.js';
import { COMPARED, CONTENDERS, OTHER_CONTENDERS, type Contender } from '../app/variant.js';
import { withBench, type Bench, type BenchServer } from '../measure/bench.js';
import { contest, type OverheadResult } from '../measure/contest.js';
import { versionOfNode } from '../measure/describe-machine.js';
import { onEachEngine, type EngineName } from '../measure/engines.js';
import { rounded } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/**
 * Time per repository call. With one replica, so that each contender reads one server: going to and fro between two of them
 * costs by itself.
 */
export function measureCalls(
  sizes: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly OverheadResult[]> {
  const measure = (engine: EngineName) =>
    withBench({ engine, replicas: 1 }, async (bench) => {
      const results: OverheadResult[] = [];
      // Other Nodes differ in what they make of JavaScript, not of a database.
      for (const node of engine === 'PostgreSQL' ? nodes : nodes.slice(0, 1))
        results.push(...(await measureNode(bench, sizes, { engine, node })));
      return results;
    });
  return onEachEngine(measure, { atOnce: false });
}

async function measureNode(
  bench: Bench,
  { calls, hasAllContenders }: Sizes,
  { engine, node }: { readonly engine: EngineName; readonly node: string | undefined },
): Promise<readonly OverheadResult[]> {
  const { perRound, ...sizes } = calls;
  const costs = await contest({
    contenders: [...COMPARED, ...(hasAllContenders ? OTHER_CONTENDERS : [])],
    kinds: OPERATIONS,
    sizes,
    start: (contender: Contender) =>
      bench.start({ ...contender, ...bench.servers, platform: 'express' }, node),
    slice: (server, operation) => call(server, { operation, calls: perRound }),
  });
  const trips = await countRoundTrips(bench);
  return costs.map((one) => ({
    node: versionOfNode(node),
    on: engine,
    ...one,
    ...trips.find(({ what, contender }) => what === one.what && contender === one.contender),
  }));
}

const call = (server: BenchServer, job: CallsJob) => server.process.ask<CallCosts>('call', job);

/** Calls that are counted: so many that a probe between them does not matter. */
const COUNTED = 20;

async function countRoundTrips({ start, throughProxies }: Bench) {
  const { proxies, servers } = await throughProxies();
  const sent = () => proxies.reduce((sum, proxy) => sum + proxy.roundTrips, 0);
  const results: (Pick<OverheadResult, 'contender' | 'roundTrips'> & { readonly what: Operation })[] = [];
  for (const contender of ['plain', 'session'] as const) {
    const server = await start({ ...CONTENDERS[contender], ...servers, platform: 'express' });
    for (const what of OPERATIONS) {
      await call(server, { operation: what, calls: 1 });
      const before = sent();
      await call(server, { operation: what, calls: COUNTED });
      results.push({ contender, what, roundTrips: rounded((sent() - before) / COUNTED, 2) });
    }
    await server.process.stop();
  }
  return results;
}
