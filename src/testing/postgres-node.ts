import { join } from 'node:path';
import { makeStandby, removeLockFile } from './data-folder.js';
import { findFreePort } from './free-port.js';
import { Postmaster, type StopMode } from './postmaster.js';
import { formatAlterSystem, formatPrimaryConnection, type Settings } from './server-settings.js';
import { SuperuserSession } from './superuser-session.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { hasCode, TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';
import type { Workspace } from './workspace.js';

/** Whether a node's processes run, are stopped by `freeze()`, or do not exist. */
export type NodeState = 'running' | 'frozen' | 'stopped';

export interface NodeIdentity {
  name: string;
  database: string;
  role: string;
  password: string | undefined;
  timeoutMs: number;
}

const PORT_ATTEMPTS = 5;
const LOG_LIMIT = 1_000_000;

/**
 * One server of a {@link PostgresCluster}: a primary or a replica, whichever it is at the moment.
 *
 * @example
 * await replica.pauseReplay(); // what is written from here on is not visible on this replica
 * await replica.resumeReplay();
 */
export class PostgresNode {
  /** Always the loopback address. */
  readonly host = '127.0.0.1';
  readonly #identity: NodeIdentity;
  readonly #workspace: Workspace;
  readonly #session = new SuperuserSession(() => this.superuserUrl);
  /** In another database than the application's, which therefore can be dropped, and need not exist yet. */
  readonly #control = new SuperuserSession(() => `postgresql://postgres@${this.host}:${this.port}/postgres`);
  readonly #proxies = new Set<TcpProxy>();
  #port = 0;
  #log = '';
  #postmaster: Postmaster | undefined;

  /** @internal Nodes are made by `startPostgresCluster`. */
  constructor(workspace: Workspace, identity: NodeIdentity) {
    this.#workspace = workspace;
    this.#identity = identity;
  }

  /** `primary`, `replica-1`, ...: the role at the cluster's start, kept for ever. */
  get name(): string {
    return this.#identity.name;
  }

  /** Stays the same over restarts. */
  get port(): number {
    return this.#port;
  }

  /** The postmaster's process id, or undefined while the node is stopped. */
  get pid(): number | undefined {
    return this.#postmaster?.pid;
  }

  /** Becomes `stopped` by itself when the server crashes. */
  get state(): NodeState {
    if (this.#postmaster === undefined) return 'stopped';
    return this.#postmaster.isFrozen ? 'frozen' : 'running';
  }

  /** What the server has written to its log, over all restarts; the last million characters. */
  get log(): string {
    return this.#log;
  }

  /** Connection URL of the ordinary role: what an application uses. */
  get url(): string {
    const { role, password, database } = this.#identity;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgresql://${encodeURIComponent(role)}${secret}@${this.host}:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Connection URL of the superuser `postgres`, who needs no password. */
  get superuserUrl(): string {
    return `postgresql://postgres@${this.host}:${this.port}/${encodeURIComponent(this.#identity.database)}`;
  }

  /** @internal The data folder. */
  get folder(): string {
    return join(this.#workspace.folder, this.name);
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
    this.#require('running', 'query');
    return this.#session.query<Row>(sql, params);
  }

  /** @internal The same outside the application's database. */
  async control<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]> {
    this.#require('running', 'query');
    return this.#control.query<Row>(sql);
  }

  /** Stops applying the log: rows written from now on stay invisible here. In effect when it resolves. */
  async pauseReplay(): Promise<void> {
    await this.control('SELECT pg_wal_replay_pause()');
    await waitUntil(
      async () => {
        const [row] = await this.control<{ state: string }>(
          'SELECT pg_get_wal_replay_pause_state() AS state',
        );
        return row?.state === 'paused';
      },
      { intervalMs: 1, message: `${this.name} to pause its replay` },
    );
  }

  /** Ends {@link pauseReplay}. */
  async resumeReplay(): Promise<void> {
    await this.control('SELECT pg_wal_replay_resume()');
  }

  /** Applies each commit `ms` milliseconds after the primary made it; 0 ends that. Survives restarts. */
  async setApplyDelay(ms: number): Promise<void> {
    await this.set({ recovery_min_apply_delay: ms });
  }

  /**
   * Changes settings (`ALTER SYSTEM` and a reload), in effect in all processes of the server when it resolves.
   * Settings which PostgreSQL reads only at its start need a `restart()` as well.
   */
  async set(settings: Settings): Promise<void> {
    const [before] = await this.#loadTime();
    for (const statement of formatAlterSystem(settings)) await this.control(statement);
    await this.control('SELECT pg_reload_conf()');
    // A connection made after the reload proves that the postmaster has passed it on to all of its processes.
    await waitUntil(async () => (await this.#loadTime())[0] !== before, {
      intervalMs: 1,
      message: `${this.name} to reload its configuration`,
    });
  }

  /** Starts a stopped node on its old port and data, and waits until it accepts connections. */
  async start(): Promise<void> {
    this.#require('stopped', 'start');
    this.#postmaster = await Postmaster.launch({
      workspace: this.#workspace,
      folder: this.folder,
      port: this.#port,
      timeoutMs: this.#identity.timeoutMs,
      onLog: (text) => (this.#log = (this.#log + text).slice(-LOG_LIMIT)),
      onExit: () => {
        this.#postmaster = undefined;
        this.#closeSessions();
      },
    });
  }

  /** @internal The first start: takes another port if somebody is faster. */
  async startOnFreePort(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = await findFreePort();
      try {
        return await this.start();
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !hasCode(error, 'ERR_TESTING_PORT_TAKEN')) throw error;
      }
    }
  }

  /** Stops the server; resolves when it is gone. Default mode `fast`. A stopped node stays as it is. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    if (this.state === 'frozen') this.thaw();
    this.#closeSessions();
    await this.#postmaster?.stop(mode, this.#identity.timeoutMs);
  }

  /** Ends all processes of the server with SIGKILL, as a crash would. It can be started again at once. */
  async kill(): Promise<void> {
    if (this.#postmaster === undefined) return;
    this.#closeSessions();
    await this.#postmaster.kill();
    await removeLockFile(this.folder);
  }

  /** Stops all processes of the server without ending them: connections hang, new ones too. */
  async freeze(): Promise<void> {
    this.#require('running', 'freeze');
    await this.#postmaster?.freeze();
  }

  /** Ends {@link freeze}. */
  thaw(): void {
    this.#require('frozen', 'thaw');
    this.#postmaster?.thaw();
  }

  /** `stop(mode)` and `start()`. */
  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Makes a replica a primary; resolves when it accepts writes. The other replicas have to `follow()` it. */
  async promote(): Promise<void> {
    await this.control('SELECT pg_promote(false)');
    await waitUntil(
      async () => {
        const [row] = await this.control<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
        return row?.standby === false;
      },
      {
        intervalMs: 5,
        timeoutMs: this.#identity.timeoutMs,
        message: `${this.name} to accept writes after promotion`,
      },
    );
  }

  /**
   * Streams from `upstream` (a node, or a proxy in front of one) from now on.
   *
   * An old primary must be stopped first; it becomes a standby at its next `start()`. That works only if it has
   * written nothing which the new primary did not get: stop it in mode `fast` *before* the promotion.
   */
  async follow(upstream: { host: string; port: number }): Promise<void> {
    if (this.state === 'stopped') {
      return makeStandby(this.#workspace, this.folder, { upstream, name: this.name });
    }
    const [row] = await this.control<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if (row?.standby !== true) {
      throw new TestingError(
        'ERR_TESTING_NODE_STATE',
        `${this.name} is a running primary and cannot follow port ${upstream.port}. stop() it first.`,
      );
    }
    await this.set({ primary_conninfo: formatPrimaryConnection(upstream, this.name) });
  }

  /** A TCP proxy in front of this node, closed with the cluster. `proxy.through(node.url)` is the URL to use. */
  async proxy(): Promise<TcpProxy> {
    const proxy = await startTcpProxy({ host: this.host, port: this.port });
    this.#proxies.add(proxy);
    return proxy;
  }

  /** @internal */
  async closeProxies(): Promise<void> {
    await Promise.all([...this.#proxies].map((proxy) => proxy.close()));
  }

  #closeSessions(): void {
    this.#session.close();
    this.#control.close();
  }

  async #loadTime(): Promise<string[]> {
    const rows = await this.#control.queryAfresh<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
    return rows.map((row) => row.at);
  }

  #require(state: NodeState, verb: string): void {
    if (this.state === state) return;
    const fix = { stopped: 'start() it first', frozen: 'thaw() it first', running: 'stop() it first' }[
      this.state
    ];
    throw new TestingError(
      'ERR_TESTING_NODE_STATE',
      `${verb}: ${this.name} is ${this.state}, not ${state}; ${fix}.`,
    );
  }
}
