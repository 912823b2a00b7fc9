import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ReplicationCluster, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { answer } from '../measure/answer.js';
import { BenchModule } from './bench.module.js';
import { Gate } from './gate.js';
import { addPlatformParts } from './platform-parts.js';
import { readFromMemory } from './read-from-memory.js';
import type { PlatformParts, Servers, Variant } from './variant.js';

/** One application server. */
export interface ServerConfig extends Servers {
  readonly variant: Variant;
  readonly platform: 'express' | 'fastify';
  readonly parts?: PlatformParts;
  readonly monitor?: ReplicatedModuleOptions['monitor'];
  readonly maxWaitMs?: number;
  /** Of applications with two replicas otherwise: reads of this one reach a single server, like the plain one's. */
  readonly hasOneReplica?: boolean;
  /** Selects are answered from memory: what is left is what the application and its libraries do themselves. */
  readonly readsFromMemory?: boolean;
}

/** What a server process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
}

let app: INestApplication;

answer({
  async start(config: ServerConfig): Promise<number> {
    if (config.readsFromMemory) readFromMemory();
    app = await createApp(config);
    addPlatformParts(app, config.parts ?? 'none');
    await app.listen(0, '127.0.0.1');
    return (app.getHttpServer().address() as { port: number }).port;
  },
  usage,
  /** The same after a collection of garbage. */
  settledUsage(): Usage {
    globalThis.gc?.();
    globalThis.gc?.();
    return usage();
  },
  stats: () => app.get(ReplicationCluster).stats(),
  states: () => app.get(ReplicationCluster).nodes.map(({ name, state }) => ({ name, state })),
  held: () => app.get(Gate).held,
  openGate: () => app.get(Gate).open(),
});

async function createApp({ variant, platform, ...options }: ServerConfig): Promise<INestApplication> {
  const module = BenchModule.of(variant, options);
  if (platform === 'express') return NestFactory.create(module, { logger: false });
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { heapUsed, rss } = process.memoryUsage();
  return { cpuMs: (user + system) / 1000, heapBytes: heapUsed, rssBytes: rss };
}
