import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil, type TcpProxy } from 'nestjs-replicated/testing';
import type { Variant } from '../app/variant.js';
import { ROWS_PER_WATCH, type Seen, type WatchJob } from '../load/watch.js';
import { BenchServer } from '../measure/bench-server.js';
import type { Child } from '../measure/child.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { onEachEngine, type EngineName, type OfEngine } from '../measure/engines.js';
import { startSeededEngine, urlOf, type SeededNode } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import { judgeFault, type FaultTimes, type FaultVerdict } from './judge-fault.js';

/** What one fault did to the clients of one variant. */
export interface FaultResult extends FaultVerdict, OfEngine {
  readonly fault: string;
  readonly variant: Variant;
  /** Whether the application's process was still there at the end. */
  readonly survived: boolean;
  /** The longest time that the proxies themselves, which run in this process, were held up by the machine. */
  readonly harnessStallMs: number;
}

interface Fault {
  readonly name: string;
  /** 0 is the primary. */
  readonly node: number;
  readonly strike: (node: SeededNode, proxy: TcpProxy) => unknown;
  readonly mend: (node: SeededNode, proxy: TcpProxy) => unknown;
}

const FIRST_REPLICA = 1;
const FAULTS: readonly Fault[] = [
  { name: 'killed', node: FIRST_REPLICA, strike: (node) => node.kill(), mend: (node) => node.start() },
  {
    name: 'stalled',
    node: FIRST_REPLICA,
    strike: (_, proxy) => proxy.stall(),
    mend: (_, proxy) => proxy.resume(),
  },
  {
    name: 'blackholed',
    node: FIRST_REPLICA,
    strike: (_, proxy) => proxy.blackhole(),
    mend: (_, proxy) => proxy.resume(),
  },
  {
    name: 'paused',
    node: FIRST_REPLICA,
    strike: (node) => node.pauseReplay(),
    mend: (node) => node.resumeReplay(),
  },
  { name: 'primary-killed', node: 0, strike: (node) => node.kill(), mend: (node) => node.start() },
];

const COMPARED: readonly Variant[] = ['typeorm-replication', 'session'];
const WRITE_SHARE = 0.05;
const CLIENT_TIMEOUT_MS = 4_000;
/** Lower than the default, so that a pause of seconds is enough to see a replica left for its lag. */
export const MAX_LAG_MS = 2_000;

/** Breaks one server at a time under two applications at once. Each fault gets a fresh cluster. */
export function measureFaults({ faults }: Sizes): Promise<readonly FaultResult[]> {
  return onEachEngine(async (engine) => {
    const results: Omit<FaultResult, 'engine'>[] = [];
    for (const fault of FAULTS.filter(({ name }) => faults.names.includes(name)))
      results.push(...(await measureFault(engine, fault, faults)));
    return results;
  });
}

async function measureFault(
  engine: EngineName,
  fault: Fault,
  sizes: Sizes['faults'],
): Promise<readonly Omit<FaultResult, 'engine'>[]> {
  const cluster = await startSeededEngine(engine, 2);
  const nodes: readonly SeededNode[] = cluster.nodes;
  const load = startLoadGenerator();
  const proxies = await Promise.all(nodes.map((node) => node.proxy()));
  const [primaryUrl = '', ...replicaUrls] = nodes.map(
    (node, index) => proxies[index]?.through(urlOf(node)) ?? '',
  );
  const running = await Promise.all(
    COMPARED.map((variant) =>
      BenchServer.start({
        variant,
        platform: 'express',
        primaryUrl,
        replicaUrls,
        monitor: { maxLagMs: MAX_LAG_MS },
      }),
    ),
  );
  try {
    await warmUp(running, load);
    const [node, proxy] = [nodes[fault.node] as SeededNode, proxies[fault.node] as TcpProxy];
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    const times = await breakAndMend(running, { fault, node, proxy, load, sizes });
    delay.disable();
    const harnessStallMs = delay.max / 1e6;
    return await Promise.all(
      running.map(async (server) => {
        const seen = server.isRunning
          ? await load.ask<readonly Seen[]>('stopWatch', server.config.variant)
          : [];
        const verdict = judgeFault(seen, { ...times, port: node.port });
        return {
          fault: fault.name,
          variant: server.config.variant,
          survived: server.isRunning,
          harnessStallMs,
          ...verdict,
        };
      }),
    );
  } finally {
    await Promise.all([load.stop(), ...running.map((server) => server.stop())]);
    await cluster.stop();
  }
}

async function warmUp(running: readonly BenchServer[], load: Child): Promise<void> {
  for (const server of running)
    await server.blast(load, { method: 'GET', path: '/versions/1', requests: 200, connections: 8 });
  await waitUntil(
    async () => {
      const states = await running.at(-1)?.ask<readonly { state: string }[]>('states');
      return states?.every(({ state }) => state === 'usable');
    },
    { message: 'all nodes to be usable' },
  );
}

interface Breaking {
  readonly fault: Fault;
  readonly node: SeededNode;
  readonly proxy: TcpProxy;
  readonly load: Child;
  readonly sizes: Sizes['faults'];
}

async function breakAndMend(
  running: readonly BenchServer[],
  { fault, node, proxy, load, sizes }: Breaking,
): Promise<Omit<FaultTimes, 'port'>> {
  for (const [index, { config, port }] of running.entries()) {
    const job: WatchJob = {
      port,
      perSecond: sizes.perSecond,
      writeShare: WRITE_SHARE,
      timeoutMs: CLIENT_TIMEOUT_MS,
      firstVersion: 0,
      firstRow: index * ROWS_PER_WATCH,
    };
    await load.ask('startWatch', { ...job, name: config.variant });
  }
  await pause(sizes.beforeMs);
  const struckAtMs = Date.now();
  await fault.strike(node, proxy);
  await pause(sizes.faultMs);
  const mendedAtMs = Date.now();
  await fault.mend(node, proxy);
  await pause(sizes.afterMs);
  return { struckAtMs, mendedAtMs };
}
