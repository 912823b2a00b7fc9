import type { BlastJob, BlastReport } from '../load/blast.js';
import type { ServerConfig, Usage } from '../app/server.js';
import { Child } from './child.js';

/** A running application server, and what its process uses. */
export class BenchServer {
  private constructor(
    readonly config: ServerConfig,
    readonly port: number,
    private readonly child: Child,
  ) {}

  static async start(config: ServerConfig, node?: string): Promise<BenchServer> {
    const child = Child.start(new URL('../app/server.js', import.meta.url), { node });
    return new BenchServer(config, await child.ask<number>('start', config), child);
  }

  get pid(): number {
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.child.isRunning;
  }

  /** Figures of a server that has crashed would look like fast failures. */
  mustRun(): void {
    if (!this.isRunning)
      throw new Error(`The server of "${this.config.variant}" crashed; its last words are above.`);
  }

  ask<T>(question: string): Promise<T> {
    return this.child.ask<T>(question);
  }

  /** Blasts it, and tells the CPU time that the server's process has used meanwhile. */
  async blast(
    load: Child,
    job: Omit<BlastJob, 'port'>,
  ): Promise<BlastReport & { readonly cpuMsPerRequest: number }> {
    const before = await this.ask<Usage>('usage');
    const report = await load.ask<BlastReport>('blast', { ...job, port: this.port });
    const after = await this.ask<Usage>('usage');
    return { ...report, cpuMsPerRequest: (after.cpuMs - before.cpuMs) / job.requests };
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}
