import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil, type TcpProxy } from 'nestjs-replicated/testing';
import type { Variant } from '../app/variant.js';
import { withBench, type Bench } from '../measure/bench.js';
import { onEachEngine, type EngineName, type OfEngine } from '../measure/engines.js';
import { VERSIONS, type SeededNode } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import { judgeFault, type FaultVerdict } from './judge-fault.js';

/** What one fault did to the clients of one variant. */
export interface FaultResult extends FaultVerdict, OfEngine {
  readonly fault: string;
  readonly variant: Variant;
  readonly survived: boolean;
  /** The longest time that the proxies themselves, which run in this process, were held up by the machine. */
  readonly harnessStallMs: number;
}

interface Fault {
  readonly name: string;
  readonly node: number;
  readonly strike: (node: SeededNode, proxy: TcpProxy) => unknown;
  readonly mend: (node: SeededNode, proxy: TcpProxy) => unknown;
}

const PRIMARY = { node: 0 };
const REPLICA = { node: 1 };
const killed: Pick<Fault, 'strike' | 'mend'> = {
  strike: (node) => node.kill(),
  mend: (node) => node.start(),
};
const mend: Fault['mend'] = (_, proxy) => proxy.resume();
const FAULTS: readonly Fault[] = [
  { name: 'killed', ...REPLICA, ...killed },
  { name: 'stalled', ...REPLICA, strike: (_, proxy) => proxy.stall(), mend },
  { name: 'blackholed', ...REPLICA, strike: (_, proxy) => proxy.blackhole(), mend },
  { name: 'paused', ...REPLICA, strike: (node) => node.pauseReplay(), mend: (node) => node.resumeReplay() },
  { name: 'primary-killed', ...PRIMARY, ...killed },
];

const COMPARED: readonly Variant[] = ['typeorm-replication', 'session'];
const WRITE_SHARE = 0.05;
const CLIENT_TIMEOUT_MS = 4_000;
const CLIENTS = VERSIONS / COMPARED.length;
/** Lower than the default, so that a pause of seconds is enough to see a replica left for its lag. */
export const MAX_LAG_MS = 2_000;

/** Breaks one server at a time under two applications at once. Each fault gets a fresh cluster. */
export function measureFaults({ faults }: Sizes): Promise<readonly FaultResult[]> {
  const measure = async (engine: EngineName) => {
    const results: Omit<FaultResult, 'engine'>[] = [];
    for (const fault of FAULTS.filter(({ name }) => faults.names.includes(name))) {
      const measureOne = (bench: Bench) => measureFault(bench, fault, faults);
      results.push(...(await withBench({ engine, replicas: 2 }, measureOne)));
    }
    return results;
  };
  return onEachEngine(measure, { atOnce: true });
}

async function measureFault(
  { start, throughProxies, nodes }: Bench,
  fault: Fault,
  { perSecond, beforeMs, faultMs, afterMs }: Sizes['faults'],
): Promise<readonly Omit<FaultResult, 'engine'>[]> {
  const { proxies, servers } = await throughProxies();
  const monitor = { maxLagMs: MAX_LAG_MS };
  const running = await Promise.all(
    COMPARED.map((variant) => start({ variant, platform: 'express', ...servers, monitor })),
  );
  const warmUp = { method: 'GET', path: '/versions/1', requests: 200, connections: 8 } as const;
  for (const server of running) await server.blast(warmUp);
  const states = () => running.at(-1)?.process.ask<readonly string[]>('states');
  const areUsable = async () => (await states())?.every((state) => state === 'usable');
  await waitUntil(areUsable, { message: 'all nodes to be usable' });

  const [node, proxy] = [nodes[fault.node] as SeededNode, proxies[fault.node] as TcpProxy];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const job = { perSecond, writeShare: WRITE_SHARE, timeoutMs: CLIENT_TIMEOUT_MS, clients: CLIENTS };
  const durationMs = beforeMs + faultMs + afterMs;
  const visits = running.map((one, index) => one.visit({ ...job, durationMs, firstRow: index * CLIENTS }));
  await pause(beforeMs);
  const struckAtMs = Date.now();
  await fault.strike(node, proxy);
  await pause(faultMs);
  const mendedAtMs = Date.now();
  await fault.mend(node, proxy);
  const reports = await Promise.all(visits);
  delay.disable();
  return reports.map(({ seen }, index) => ({
    fault: fault.name,
    variant: COMPARED[index] as Variant,
    survived: running[index]?.process.isRunning ?? false,
    harnessStallMs: delay.max / 1e6,
    ...judgeFault(seen, { struckAtMs, mendedAtMs, port: node.port }),
  }));
}
