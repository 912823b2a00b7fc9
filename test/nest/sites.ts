import type { ModuleMetadata } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { NestApplication } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { startCluster, TYPE } from '../support/database.js';
import { DataSource } from 'typeorm';
import { Note } from './note.js';

/** The HTTP platforms that Nest runs on, for `describe.each`. */
export const PLATFORMS = [
  { platform: 'Express', createAdapter: (): AbstractHttpAdapter => new ExpressAdapter() },
  { platform: 'Fastify', createAdapter: (): AbstractHttpAdapter => new FastifyAdapter() as never },
];

/** An application that listens. */
export interface Site {
  readonly app: NestApplication;
  readonly url: string;
}

/** How a site differs from the usual. */
export interface SiteSettings extends ModuleMetadata {
  readonly createAdapter?: () => AbstractHttpAdapter;
  readonly configure?: (app: NestApplication) => void;
}

/** Starts an application silently on a free port. */
export async function serve({ createAdapter, configure, ...metadata }: SiteSettings): Promise<Site> {
  const module = await Test.createTestingModule(metadata).setLogger(SILENT).compile();
  const adapter = createAdapter?.() ?? new ExpressAdapter();
  const app = module.createNestApplication<NestApplication>(adapter, { logger: SILENT });
  configure?.(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}` };
}

function ignore(): void {
  // Errors are expected in these tests; their log is not.
}

export const SILENT = {
  log: ignore,
  warn: ignore,
  error: ignore,
  debug: ignore,
  verbose: ignore,
  fatal: ignore,
};

/** A cluster with note 1 on all nodes. */
export async function startSeededCluster(replicas = 1): Promise<PostgresCluster> {
  const cluster = await startCluster({ replicas });
  const primary = new DataSource({
    type: TYPE,
    url: cluster.primary.url,
    entities: [Note],
    synchronize: true,
  });
  await primary.initialize();
  await primary.getRepository(Note).save({ text: 'seed' });
  await primary.destroy();
  await cluster.waitForReplication();
  return cluster;
}

/** Options of a cluster whose responses tell their route. */
export function optionsFor(
  { primary, replicas }: PostgresCluster,
  { routing, ...others }: Partial<ReplicatedModuleOptions> = {},
): ReplicatedModuleOptions {
  return {
    type: TYPE,
    entities: [Note],
    primary: { url: primary.url },
    replicas: replicas.map(({ url }) => ({ url })),
    retryAttempts: 1,
    routing: routing ?? { explainHeader: true },
    ...others,
  } as ReplicatedModuleOptions;
}
