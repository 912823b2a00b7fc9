import type { LoggerService, ModuleMetadata } from '@nestjs/common';
import type { AbstractHttpAdapter, NestApplication } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { startCluster, TYPE } from './database.js';
import { DataSource } from 'typeorm';
import { Note } from './note.js';

/** The HTTP platforms that Nest runs on, for `describe.each`. */
export const PLATFORMS: readonly { readonly platform: string; readonly createAdapter: CreateAdapter }[] = [
  { platform: 'Express', createAdapter: () => new ExpressAdapter() },
  { platform: 'Fastify', createAdapter: createFastify },
];

type CreateAdapter = () => AbstractHttpAdapter | Promise<AbstractHttpAdapter>;

/** Loaded by those alone who use it. */
export async function createFastify(): Promise<AbstractHttpAdapter> {
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return new FastifyAdapter() as never;
}

/** An application that answers over HTTP, wherever it runs. */
export interface RunningApplication {
  readonly url: string;
  close(): Promise<void>;
}

/** One of this process. */
export interface Site extends RunningApplication {
  readonly app: NestApplication;
}

/** How a site differs from the usual. */
export interface SiteSettings extends ModuleMetadata {
  readonly createAdapter?: CreateAdapter;
  /** Told of the application before it starts. */
  readonly configure?: (app: NestApplication) => void;
  readonly logger?: LoggerService;
}

/** Starts an application, silently, on a free port. */
export async function openApp(settings: SiteSettings): Promise<Site> {
  const { createAdapter, configure, logger = SILENT, ...metadata } = settings;
  const module = await Test.createTestingModule(metadata).setLogger(logger).compile();
  const adapter = (await createAdapter?.()) ?? new ExpressAdapter();
  const app = module.createNestApplication<NestApplication>(adapter, { logger });
  configure?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, url: `http://127.0.0.1:${port}`, close: () => app.close() };
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
