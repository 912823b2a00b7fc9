import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Prober } from '../../../health/probe.js';
import type { Engine, ProbeAnswer, RunStatement } from '../../../engine.js';
import type { DriverOptions, ResolvedMonitor } from '../../../options/resolved-options.js';
import { closeWithin } from './close-within.js';
import { Sockets } from './sockets.js';

/** Asks a node over one connection of its own, outside the application's pools. */
export class TypeormProber implements Prober {
  private dataSource: DataSource | undefined;
  private isModest = false;
  private modestProbes = 0;
  private hasTold = false;
  private readonly sockets = new Sockets();

  /** `onModest`: the server refuses to say its positions. */
  constructor(
    private readonly options: DriverOptions,
    private readonly engine: Pick<Engine, 'probe' | 'probeRole' | 'refusesToTell' | 'classify'>,
    private readonly onModest: (error: unknown) => void = () => undefined,
  ) {}

  /** The connection was idle since the last probe, and some servers end such sessions: that is no answer. */
  async probe(): Promise<ProbeAnswer> {
    const { dataSource } = this;
    try {
      return await this.probeOnce();
    } catch (error) {
      const wasIdle = dataSource !== undefined && dataSource === this.dataSource;
      if (!wasIdle || this.engine.classify(error) !== 'session-ended') throw error;
      this.reset();
      return await this.probeOnce();
    }
  }

  private async probeOnce(): Promise<ProbeAnswer> {
    const dataSource = (this.dataSource ??= this.create());
    if (!dataSource.isInitialized) await dataSource.initialize();
    const run: RunStatement = (sql) => dataSource.query(sql);
    // The right may be granted later; until then each attempt is an error in the server's log.
    const isRetry = ++this.modestProbes % RETRY_EVERY === 0;
    if (this.isModest && !isRetry) return this.engine.probeRole(run);
    try {
      const answer = await this.engine.probe(run);
      this.isModest = false;
      return answer;
    } catch (error) {
      if (!this.engine.refusesToTell(error)) throw error;
      this.isModest = true;
      if (!this.hasTold) this.onModest(error);
      this.hasTold = true;
      return this.engine.probeRole(run);
    }
  }

  get bytesHeard(): number {
    return this.sockets.bytesRead;
  }

  reset(): void {
    const { dataSource } = this;
    this.dataSource = undefined;
    if (!dataSource) return;
    this.sockets.cut();
    // Whatever it was waiting for has failed by now; its pool is empty and nobody uses it any more.
    if (dataSource.isInitialized) dataSource.destroy().catch(() => undefined);
  }

  async close(): Promise<void> {
    const { dataSource } = this;
    this.dataSource = undefined;
    if (dataSource?.isInitialized)
      await closeWithin(() => dataSource.destroy(), this.sockets, CLOSE_TIMEOUT_MS);
    else this.sockets.refuse();
  }

  private create(): DataSource {
    return new DataSource(this.sockets.within(this.options) as unknown as DataSourceOptions);
  }
}

/** Of the probes of a server that refuses positions, this many to one that asks for them again. */
const RETRY_EVERY = 60;
const CLOSE_TIMEOUT_MS = 500;

/** Options for a prober's connection: one, short-lived on trouble, silent. */
export function probeOptions(
  options: DriverOptions,
  { timeoutMs, connectTimeoutMs }: Pick<ResolvedMonitor, 'timeoutMs' | 'connectTimeoutMs'>,
): DriverOptions {
  // The monitor keeps the time, and may allow more of it; these only see to it that nothing hangs for ever.
  const limitMs = 4 * Math.max(timeoutMs, connectTimeoutMs);
  return {
    ...options,
    poolSize: 1,
    logging: false,
    logger: undefined, // the application's own hears of everything, whatever `logging` says
    connectTimeoutMS: limitMs,
    maxQueryExecutionTime: undefined,
    extra: {
      ...(options['extra'] as object | undefined),
      max: 1,
      connectionTimeoutMillis: limitMs,
      query_timeout: limitMs,
    },
  };
}
