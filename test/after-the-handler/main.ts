import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter } from '@nestjs/platform-express';
import { NestFactory } from '@nestjs/core';
import { ReplicationCluster, type ReplicatedModuleOptions } from 'nestjs-replicated';
import type { Nodes } from '../neighbours/database-options.js';
import { application } from './site.js';

/** What the process tells of itself when asked. */
export interface Report {
  readonly refusedWrites: number;
  readonly byHandler: Readonly<Record<string, number>>;
  readonly events: readonly { readonly handler: string; readonly what: string }[];
  readonly warnings: readonly string[];
}

/** Serves until its parent disconnects; ends, as Node does by default, when a rejection is not handled. */
const [nodes = '', platform = '', more = '{}'] = process.argv.slice(2);
const warnings: string[] = [];
const ignore = () => undefined;
const logger = { log: ignore, error: ignore, warn: (text: string) => void warnings.push(text) };
const app = await NestFactory.create(
  application(JSON.parse(nodes) as Nodes, JSON.parse(more) as Partial<ReplicatedModuleOptions>),
  platform === 'Fastify' ? (new FastifyAdapter() as never) : new ExpressAdapter(),
  { logger, abortOnError: false },
);
await app.listen(0, '127.0.0.1');
const cluster = app.get(ReplicationCluster);
const events: { handler: string; what: string }[] = [];
cluster.on('wroteUnderReplicaIntent', (event) => events.push(event));
cluster.on('lateWrite', ({ handler }) => events.push({ handler, what: 'late' }));
process.on('message', () => {
  const { refusedWrites, writesUnderReplicaIntent: byHandler } = cluster.stats();
  process.send?.({ refusedWrites, byHandler, events, warnings } satisfies Report);
});
process.once('disconnect', () => void app.close());
process.send?.(await app.getUrl());
