import { AsyncLocalStorage } from 'node:async_hooks';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReplicationCluster } from 'nestjs-replicated';
import { answer } from '../measure/child.js';
import { BenchModule, type BenchOptions } from './bench.module.js';
import { timeCalls, type CallsJob } from './calls.js';
import { readFromMemory } from './read-from-memory.js';
import type { Contender } from './variant.js';

/** One application server. */
export interface ServerConfig extends BenchOptions, Omit<Contender, 'hasNoReplicas'> {
  readonly platform: 'express' | 'fastify';
  /** Selects are answered from memory: what is left is what the application and its libraries do themselves. */
  readonly readsFromMemory?: boolean;
}

/** What its start has cost, and the memory that it takes after a collection of garbage. */
export type StartCost = Readonly<ReturnType<typeof startCost>>;

let app: INestApplication;
let config: ServerConfig;
let start: { readonly wallMs: number; readonly cpuMs: number };

answer({
  async start(wanted: ServerConfig): Promise<number> {
    config = wanted;
    if (config.readsFromMemory) readFromMemory();
    const [cpuBeforeUs, startedAtMs] = [cpuUs(), performance.now()];
    app = await createApp(config);
    if (config.hasPlatformParts) addPlatformParts();
    await app.listen(0, '127.0.0.1');
    start = { wallMs: performance.now() - startedAtMs, cpuMs: (cpuUs() - cpuBeforeUs) / 1000 };
    return (app.getHttpServer().address() as { port: number }).port;
  },
  startCost,
  cpuUs,
  call: (job: CallsJob) => timeCalls(app, config, job),
  states: () => app.get(ReplicationCluster).nodes.map(({ state }) => state),
});

/** Of the process so far. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function startCost() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { ...start, heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20 };
}

async function createApp({ variant, platform, ...options }: ServerConfig): Promise<INestApplication> {
  const module = BenchModule.of(variant, options);
  if (platform === 'express') return NestFactory.create(module, { logger: false });
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
}

/** What any per-request router needs of the platform: an AsyncLocalStorage and a guard, doing nothing. */
function addPlatformParts(): void {
  const storage = new AsyncLocalStorage<object>();
  app.use((_request: unknown, _response: unknown, next: () => void) => storage.run({}, next));
  app.useGlobalGuards({ canActivate: () => true });
}
