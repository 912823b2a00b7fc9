import { DataSource, type DataSourceOptions } from 'typeorm';
import type { ProbeAnswer, Prober } from '../../connector.js';
import type { Engine } from '../../engine.js';
import { open, type SessionSetup } from './node-pool.js';
import { Sockets } from './sockets.js';

/** Runs one statement, and answers its rows. */
export type RunStatement = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** What a prober is made of. */
export interface TypeormProberDeps {
  /** Of one connection, over the sockets of that set. */
  readonly session: (sockets: Sockets) => SessionSetup;
  /** Asks a node what it is; needs no privilege beyond an ordinary role's. */
  readonly probe: (run: RunStatement) => Promise<ProbeAnswer>;
  /** For servers that refuse `probe`: learns the role, but no positions. */
  readonly probeRole: (run: RunStatement) => Promise<ProbeAnswer>;
  /** Whether the server has refused `probe`. */
  readonly refusesToTell: (error: unknown) => boolean;
  readonly classify: Engine['classify'];
  /** Told once when the server refuses to say its positions. */
  readonly onModest: (error: unknown) => void;
  /** Learns once per connection what its server is like. One that does not answer this may be as well as any other. */
  readonly learn?: (run: RunStatement) => Promise<unknown>;
}

/** Asks a node over one connection of its own, outside the application's pools. */
export class TypeormProber implements Prober {
  private dataSource: DataSource | undefined;
  private session: SessionSetup | undefined;
  private isModest = false;
  private modestProbes = 0;
  private hasTold = false;
  private readonly sockets = new Sockets();

  constructor(private readonly setup: TypeormProberDeps) {}

  /** The connection was idle since the last probe, and some servers end such sessions: that is no answer. */
  async probe(): Promise<ProbeAnswer> {
    const { dataSource } = this;
    try {
      return await this.probeOnce();
    } catch (error) {
      const wasIdle = dataSource !== undefined && dataSource === this.dataSource;
      const mayAskAgain =
        this.setup.classify(error) === 'session-ended' || this.session?.mayOpenAgain?.(error);
      if (!wasIdle || !mayAskAgain) throw error;
      this.reset();
      return await this.probeOnce();
    }
  }

  private async probeOnce(): Promise<ProbeAnswer> {
    const session = (this.session ??= this.setup.session(this.sockets));
    const dataSource = (this.dataSource ??= create(session));
    const run: RunStatement = (sql) => dataSource.query(sql);
    if (!dataSource.isInitialized) {
      await open(dataSource, session);
      await this.setup.learn?.(run).catch(() => undefined);
    }
    // The right may be granted later; until then each attempt is an error in the server's log.
    const isRetry = ++this.modestProbes % RETRY_EVERY === 0;
    if (this.isModest && !isRetry) return this.setup.probeRole(run);
    try {
      const answer = await this.setup.probe(run);
      this.isModest = false;
      return answer;
    } catch (error) {
      if (!this.setup.refusesToTell(error)) throw error;
      this.isModest = true;
      if (!this.hasTold) this.setup.onModest(error);
      this.hasTold = true;
      return this.setup.probeRole(run);
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
      await this.sockets.closeWithin(() => dataSource.destroy(), CLOSE_TIMEOUT_MS);
    else this.sockets.shut();
  }
}

function create({ options, prepare }: SessionSetup): DataSource {
  const dataSource = new DataSource(options as unknown as DataSourceOptions);
  prepare?.(dataSource);
  return dataSource;
}

/** Of the probes of a server that refuses positions, this many to one that asks for them again. */
const RETRY_EVERY = 60;
const CLOSE_TIMEOUT_MS = 500;
