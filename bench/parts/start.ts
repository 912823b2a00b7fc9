import type { Servers, Variant } from '../app/variant.js';
import { BenchServer } from '../measure/bench-server.js';
import type { Usage } from '../app/server.js';
import { Child } from '../measure/child.js';
import { waitUntil } from 'nestjs-replicated/testing';
import { startLoadGenerator } from '../measure/load-generator.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { median, orderOfRound, ratioOf, type Ratio } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';
import type { StartCost, StartJob } from './start-child.js';

/** What an application costs before and between its requests. */
export interface StartResult {
  readonly variant: Variant;
  /** `session` with `replicas: []`. */
  readonly hasReplicas: boolean;
  readonly startMs: number;
  readonly startCpuMs: number;
  /** CPU time of the start, against the plain application in the same round. */
  readonly start: Ratio;
  readonly heapMb: number;
  readonly idleRssMb: number;
  /** Memory of the heap per request in flight. */
  readonly inFlightKb: number;
}

interface Subject {
  readonly variant: Variant;
  readonly hasReplicas: boolean;
}

/** Time pinning starts as the others of this library do. */
function subjectsOf(variants: readonly Variant[]): readonly Subject[] {
  const all = variants.filter((variant) => variant !== 'time-pinning');
  return [
    ...all.map((variant) => ({ variant, hasReplicas: true })),
    { variant: 'session', hasReplicas: false },
  ];
}

/** Start-up with many entities, memory at rest, memory per request in flight. */
export async function measureStart({ start, variants }: Sizes): Promise<readonly StartResult[]> {
  const cluster = await startSeededCluster(2);
  try {
    const all = serversOf(cluster);
    const subjects = subjectsOf(variants).map((subject) => ({
      subject,
      servers: subject.hasReplicas ? all : { ...all, replicaUrls: [] },
      costs: [] as StartCost[],
    }));
    for (let round = 0; round < start.rounds; round++) {
      for (const { subject, servers, costs } of orderOfRound(subjects, round))
        costs.push(await startOnce({ variant: subject.variant, entities: start.entities, ...servers }));
    }
    const results: StartResult[] = [];
    for (const { subject, servers, costs } of subjects) {
      const memory = await measureMemory(subject.variant, servers, start.inFlight);
      results.push({ ...subject, ...summary(costs, subjects[0]?.costs ?? []), ...memory });
    }
    return results;
  } finally {
    await cluster.stop();
  }
}

async function startOnce(job: StartJob): Promise<StartCost> {
  const child = Child.start(new URL('./start-child.js', import.meta.url));
  try {
    return await child.ask<StartCost>('run', job);
  } finally {
    await child.stop();
  }
}

function summary(costs: readonly StartCost[], plain: readonly StartCost[]) {
  const cpu = (some: readonly StartCost[]) => some.map(({ cpuMs }) => cpuMs);
  return {
    startMs: median(costs.map(({ wallMs }) => wallMs)),
    startCpuMs: median(cpu(costs)),
    start: ratioOf(cpu(costs), cpu(plain)),
    heapMb: median(costs.map(({ heapBytes }) => heapBytes)) / 2 ** 20,
  };
}

async function measureMemory(variant: Variant, servers: Servers, requests: number) {
  const server = await BenchServer.start({ variant, platform: 'fastify', ...servers });
  const load = startLoadGenerator();
  try {
    const idle = await server.ask<Usage>('settledUsage');
    await server.blast(load, { method: 'GET', path: '/notes/1', requests: 2 * requests, connections: 32 });
    const before = await server.ask<Usage>('settledUsage');
    await load.ask('hold', { port: server.port, requests });
    await waitUntil(async () => (await server.ask<number>('held')) === requests, {
      timeoutMs: 60_000,
      message: `${requests} requests to be in flight`,
    });
    const during = await server.ask<Usage>('settledUsage');
    await server.ask('openGate');
    await load.ask('endHold');
    return {
      idleRssMb: idle.rssBytes / 2 ** 20,
      inFlightKb: (during.heapBytes - before.heapBytes) / requests / 1024,
    };
  } finally {
    await Promise.all([server.stop(), load.stop()]);
  }
}
