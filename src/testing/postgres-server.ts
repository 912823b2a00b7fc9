import type { StopMode } from './faulty-cluster.js';
import { findFreePort } from './free-port.js';
import type { ServerHome, ServerRun } from './server-home.js';
import { SuperuserSession } from './superuser-session.js';
import { hasCode, TestingError } from './testing-error.js';

/** Whether a node's processes run, are stopped by `freeze()`, or do not exist. */
export type NodeState = 'running' | 'frozen' | 'stopped';

/** Who a node is and who may use it. */
export interface NodeIdentity {
  name: string;
  database: string;
  role: string;
  password: string | undefined;
  timeoutMs: number;
}

const PORT_ATTEMPTS = 5;
const LOG_LIMIT = 1_000_000;

/** The life of a server's processes: the part of a node that has nothing to do with replication. */
export class PostgresServer {
  /** Where clients reach it: the loopback address. */
  readonly host: string;
  /** `primary`, `replica-1`, ...: the role at the cluster's start, kept for ever. */
  readonly name: string;
  protected readonly identity: NodeIdentity;
  /** @internal Its data and processes. */
  readonly home: ServerHome;
  readonly #session = new SuperuserSession(() => this.superuserUrl);
  /** In another database than the application's, which therefore can be dropped and need not exist yet. */
  readonly #control = new SuperuserSession(() => `postgresql://postgres@${this.host}:${this.port}/postgres`);
  #port = 0;
  #log = '';
  #run: ServerRun | undefined;

  /** @internal Nodes are made by `startPostgresCluster`. */
  constructor(home: ServerHome, identity: NodeIdentity) {
    this.home = home;
    this.host = home.host;
    this.identity = identity;
    this.name = identity.name;
  }

  /** Stays the same over restarts. */
  get port(): number {
    return this.#port;
  }

  /** The postmaster's process id on the machine that runs it, or undefined while the node is stopped. */
  get pid(): number | undefined {
    return this.state === 'stopped' ? undefined : this.#run?.pid;
  }

  /** Becomes `stopped` by itself when the server crashes. */
  get state(): NodeState {
    if (!this.#run?.isRunning) return 'stopped';
    return this.#run.isFrozen ? 'frozen' : 'running';
  }

  /** What the server has written to its log, over all restarts; the last million characters. */
  get log(): string {
    return this.#log;
  }

  /** Connection URL of the ordinary role: what an application uses. */
  get url(): string {
    const { role, password, database } = this.identity;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgresql://${encodeURIComponent(role)}${secret}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Connection URL of the superuser `postgres`, who needs no password. */
  get superuserUrl(): string {
    return `postgresql://postgres@${this.host}:${this.port}/${encodeURIComponent(this.identity.database)}`;
  }

  /**
   * Runs one statement as superuser in the application's database and returns its rows.
   * The connections behind it survive restarts of the node and do not keep the process alive.
   *
   * @throws TestingError `ERR_TESTING_NODE_STATE` unless the node is running; otherwise what node-postgres throws
   */
  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    this.requireState('running', 'query');
    return this.#session.query<Row>(sql, params);
  }

  /** @internal The same outside the application's database. */
  async control<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]> {
    this.requireState('running', 'query');
    return this.#control.query<Row>(sql);
  }

  /** @internal Runs `work` with a connection of its own, made now and ended afterwards. */
  async withConnection<T>(work: (query: (sql: string) => Promise<unknown[]>) => Promise<T>): Promise<T> {
    this.requireState('running', 'query');
    return this.#control.withConnection(work);
  }

  /** Starts a stopped node on its old port and data, and waits until it accepts connections. */
  async start(): Promise<void> {
    this.requireState('stopped', 'start');
    this.#run = await this.home.launch({
      port: this.#port,
      timeoutMs: this.identity.timeoutMs,
      onLog: (text) => (this.#log = (this.#log + text).slice(-LOG_LIMIT)),
    });
  }

  /** @internal The first start: takes another port if somebody is faster. */
  async startOnFreePort(choosePort: () => Promise<number> = findFreePort): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = await this.home.findPort(choosePort);
      try {
        return await this.start();
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !hasCode(error, 'ERR_TESTING_PORT_TAKEN')) throw error;
      }
    }
  }

  /** Stops the server; resolves when it is gone. Default mode `fast`. A stopped node stays as it is. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    if (this.state === 'stopped') return;
    if (this.state === 'frozen') await this.thaw();
    this.#closeSessions();
    await this.#run?.stop(mode, this.identity.timeoutMs);
  }

  /** Ends all processes of the server with SIGKILL, as a crash would. It can be started again at once. */
  async kill(): Promise<void> {
    if (this.state === 'stopped') return;
    this.#closeSessions();
    await this.#run?.kill();
  }

  /** `stop(mode)` and `start()`. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Stops all processes of the server without ending them: connections hang, new ones too. */
  async freeze(): Promise<void> {
    this.requireState('running', 'freeze');
    await this.#run?.freeze();
  }

  /** Ends {@link freeze}. */
  async thaw(): Promise<void> {
    this.requireState('frozen', 'thaw');
    await this.#run?.thaw();
  }

  protected requireState(state: NodeState, verb: string): void {
    if (this.state === state) return;
    const fix = { stopped: 'start() it first', frozen: 'thaw() it first', running: 'stop() it first' }[
      this.state
    ];
    throw new TestingError(
      'ERR_TESTING_NODE_STATE',
      `${verb}: ${this.name} is ${this.state}, not ${state}; ${fix}.`,
    );
  }

  #closeSessions(): void {
    this.#session.close();
    this.#control.close();
  }
}
