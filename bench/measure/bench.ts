import type { ServerConfig } from '../app/server.js';
import type { BlastJob, BlastReport } from '../load/blast.js';
import type { VisitsJob, VisitsReport } from '../load/visits.js';
import { Child } from './child.js';
import type { EngineName } from './engines.js';
import { startSeeded, urlOf, type SeededNode } from './seeded-cluster.js';

/** Servers of a database and a load generator, with the applications that are started beside them. */
export type Bench = Omit<Awaited<ReturnType<typeof openBench>>, 'stop'>;

interface Wanted {
  readonly replicas: number;
  readonly engine?: EngineName;
}

/** All of it ends with `measure`. */
export async function withBench<T>(wanted: Wanted, measure: (bench: Bench) => Promise<T>): Promise<T> {
  const { stop, ...bench } = await openBench(wanted);
  return measure(bench).finally(stop);
}

async function openBench({ replicas, engine = 'PostgreSQL' }: Wanted) {
  const cluster = await startSeeded(engine, replicas);
  /** The primary comes first. */
  const nodes: readonly SeededNode[] = cluster.nodes;
  const load = Child.start(new URL('../load/generator.js', import.meta.url));
  const children = [load];
  const serversAt = ([primaryUrl = '', ...replicaUrls]: readonly string[]) => ({ primaryUrl, replicaUrls });
  return {
    cluster,
    nodes,
    replicaPorts: nodes.slice(1).map(({ port }) => port),
    servers: serversAt(nodes.map(urlOf)),
    async start(config: ServerConfig, node?: string): Promise<BenchServer> {
      const child = Child.start(new URL('../app/server.js', import.meta.url), node);
      children.push(child);
      return new BenchServer(config, await child.ask<number>('start', config), child, load);
    },
    /** The same servers behind proxies. */
    async throughProxies() {
      const proxies = await Promise.all(nodes.map((node) => node.proxy()));
      const urls = nodes.map((node, index) => proxies[index]?.through(urlOf(node)) ?? '');
      return { proxies, servers: serversAt(urls) };
    },
    async stop(): Promise<void> {
      await Promise.all(children.map((child) => child.stop()));
      await cluster.stop();
    },
  };
}

/** A running application, its process, and the load that it can be put under. */
export class BenchServer {
  constructor(
    readonly config: ServerConfig,
    readonly port: number,
    readonly process: Child,
    private readonly load: Child,
  ) {}

  /** Blasts it, and tells the CPU time that the server's process has used meanwhile, per request. */
  async blast(job: Omit<BlastJob, 'port'>): Promise<BlastReport & { readonly cpuUs: number }> {
    const before = await this.process.ask<number>('cpuUs');
    const report = await this.load.ask<BlastReport>('blast', { ...job, port: this.port });
    const after = await this.process.ask<number>('cpuUs');
    return { ...report, cpuUs: (after - before) / job.requests };
  }

  visit(job: Omit<VisitsJob, 'port'>): Promise<VisitsReport> {
    return this.load.ask('visit', { ...job, port: this.port });
  }

  cookieOfWriter(path: string): Promise<string | undefined> {
    return this.load.ask('cookieOfWriter', { port: this.port, path });
  }

  /** Figures of a server that has crashed would look like fast failures. */
  mustRun(): void {
    if (!this.process.isRunning)
      throw new Error(`The server of "${this.config.variant}" crashed; its last words are above.`);
  }
}
