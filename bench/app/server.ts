import { AsyncLocalStorage } from 'node:async_hooks';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReplicationCluster } from 'nestjs-replicated';
import { answer } from '../measure/child.js';
import { BenchModule } from './bench.module.js';
import { timeCalls, type CallsJob } from './calls.js';
import type { DatabaseOptions } from './database.js';
import { readFromMemory } from './read-from-memory.js';
import type { Contender } from './variant.js';

/** One application server. */
export interface ServerConfig extends Omit<DatabaseOptions, 'entities'>, Omit<Contender, 'hasNoReplicas'> {
  readonly platform: 'express' | 'fastify';
  /** Selects are answered from memory: what is left is what the application and its libraries do themselves. */
  readonly readsFromMemory?: boolean;
}

let app: INestApplication;
let config: ServerConfig;

answer({
  async start(wanted: ServerConfig): Promise<number> {
    config = wanted;
    if (config.readsFromMemory) readFromMemory();
    app = await createApp(config);
    if (config.hasPlatformParts) addPlatformParts();
    await app.listen(0, '127.0.0.1');
    return (app.getHttpServer().address() as { port: number }).port;
  },
  /** CPU time of the process so far. */
  cpuUs(): number {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  call: (job: CallsJob) => timeCalls(app, config, job),
  states: () => app.get(ReplicationCluster).nodes.map(({ state }) => state),
});

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
