import { AdminSession } from './admin-session.js';
import type { FaultyNode } from './faulty-cluster.js';
import { coversPosition } from './gtid-position.js';
import { MariadbHome, type MariadbSite } from './mariadb-site.js';
import { formatSetGlobal } from './mariadb-settings.js';
import { formatUrl } from './node-url.js';
import { ADOPT_POSITION, changeMaster, requestsLog, type ReplicaStatus } from './replica-statements.js';
import { ServerNode, type NodeIdentity } from './server-node.js';
import type { Settings } from './server-settings.js';
import type { TcpAddress, TcpProxy } from './tcp-proxy.js';
import { TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';

export interface MariadbNodeDeps {
  site: MariadbSite;
  identity: NodeIdentity;
  /** Whether the node refuses writes of ordinary users while it is a replica. */
  readOnly: boolean;
  onPromotion: (node: MariadbNode) => void;
}

const READ_ONLY_VARIABLE = 1238;

/**
 * One server of a {@link MariadbCluster}: a primary or a replica, whichever it is at the moment.
 *
 * @example
 * await replica.pauseReplay(); // what is written from here on is not visible on this replica
 * await replica.resumeReplay();
 */
export class MariadbNode extends ServerNode implements FaultyNode {
  /** @internal Its data and processes. */
  readonly home: MariadbHome;
  readonly #deps: MariadbNodeDeps;
  readonly #session = new AdminSession(() => this.superuserUrl);
  /** In no database: the application's can be dropped and need not exist yet. */
  readonly #control = new AdminSession(() => formatUrl('mysql', this, { role: 'root' }));
  #upstream: TcpAddress | undefined;
  /** Between this replica and its upstream while its replay is delayed. */
  #detour: TcpProxy | undefined;
  #delayMs = 0;

  /** @internal Nodes are made by `startMariadbCluster`. */
  constructor(deps: MariadbNodeDeps) {
    const home = new MariadbHome(deps.site, deps.identity.name);
    super(home, deps.identity, deps.site.proxyHost);
    this.home = home;
    this.#deps = deps;
  }

  /** Login of the ordinary role: what an application uses. TypeORM's `username`. */
  get user(): string {
    return this.identity.role;
  }

  /** Password of {@link user}; undefined where none is needed. */
  get password(): string | undefined {
    return this.identity.password;
  }

  /** The application's database. */
  get database(): string {
    return this.identity.database;
  }

  /**
   * Connection URL of the ordinary role: what an application uses. TypeORM takes the type from it: for the type
   * `mariadb` pass host, port and so on, or a URL that begins with `mariadb:`.
   */
  get url(): string {
    return formatUrl('mysql', this, this.identity);
  }

  /** Connection URL of `root`, who may do everything and needs no password. */
  get superuserUrl(): string {
    return formatUrl('mysql', this, { role: 'root', database: this.database });
  }

  /**
   * Runs one statement as `root` in the application's database and returns its rows.
   * The connections behind it survive restarts of the node and do not keep the process alive.
   *
   * @throws TestingError `ERR_TESTING_NODE_STATE` unless the node is running; otherwise what mysql2 throws
   */
  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    this.requireState('running', 'query');
    return this.#session.query<Row>(sql, params);
  }

  /** @internal The same outside of the application's database. */
  async control<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]> {
    this.requireState('running', 'query');
    return this.#control.query<Row>(sql);
  }

  /** @internal What a replica says about its replication; undefined of a primary. */
  async replicaStatus(): Promise<ReplicaStatus | undefined> {
    return (await this.control<ReplicaStatus>('SHOW ALL SLAVES STATUS'))[0];
  }

  /**
   * How far the node is, as MariaDB writes it, such as "0-1-17": what a replica has applied, what a primary has
   * written. Empty on a server without any transaction.
   */
  async position(): Promise<string> {
    const status = await this.replicaStatus();
    if (status !== undefined) return status.Gtid_Slave_Pos;
    const [row] = await this.control<{ at: string }>('SELECT @@GLOBAL.gtid_current_pos AS at');
    return row?.at ?? '';
  }

  /**
   * Waits until this node has applied everything up to `position`, for example that of another node.
   *
   * @throws TestingError `ERR_TESTING_TIMEOUT` after `timeoutMs` (default 10,000)
   */
  async waitForPosition(position: string, options: { timeoutMs?: number } = {}): Promise<void> {
    await waitUntil(async () => coversPosition(await this.position(), position), {
      ...options,
      intervalMs: 1,
      message: `${this.name} to reach ${position}`,
    });
  }

  /** Stops applying the log: rows written from now on stay invisible here. In effect when it resolves. */
  async pauseReplay(): Promise<void> {
    await this.control('STOP SLAVE SQL_THREAD');
  }

  /** Ends {@link pauseReplay}. A restart ends it, too. */
  async resumeReplay(): Promise<void> {
    await this.control('START SLAVE SQL_THREAD');
  }

  /** Receives nothing from now on, and goes on to apply what it has. In effect when it resolves. */
  async pauseStreaming(): Promise<void> {
    await this.control('STOP SLAVE IO_THREAD');
  }

  /** Ends {@link pauseStreaming}. A restart ends it, too. */
  async resumeStreaming(): Promise<void> {
    await this.control('START SLAVE IO_THREAD');
  }

  /**
   * Receives, and so applies, each commit `ms` milliseconds after the primary made it; 0 ends that. Survives restarts.
   * It streams through a proxy for that long, since the server's own delay (`master_delay`) counts in whole seconds.
   */
  async setApplyDelay(ms: number): Promise<void> {
    this.requireState('running', 'setApplyDelay');
    if (this.#upstream === undefined) throw this.#notReplica('setApplyDelay');
    this.#delayMs = ms;
    await this.follow(this.#upstream);
  }

  /**
   * Changes settings, for connections made from now on and over restarts.
   * Settings which MariaDB reads only at its start need a `restart()` as well.
   */
  async set(settings: Settings): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      await this.control(formatSetGlobal(name, value)).catch((error: unknown) => {
        if ((error as { errno?: number }).errno !== READ_ONLY_VARIABLE) throw error;
      });
      this.home.configure({ [name]: value });
    }
  }

  /**
   * Makes a replica a primary, once it has applied what it has received; resolves when it accepts writes.
   * The other replicas have to `follow()` it.
   */
  async promote(): Promise<void> {
    const status = await this.replicaStatus();
    if (status === undefined) throw this.#notReplica('promote');
    // In this order: the server throws away what it has received when one thread starts while both are stopped.
    await this.control('START SLAVE SQL_THREAD');
    await this.control('STOP SLAVE IO_THREAD');
    if (status.Slave_IO_Running !== 'No' || status.Slave_SQL_Running !== 'No') {
      const received = (await this.replicaStatus())?.Gtid_IO_Pos ?? '';
      await this.waitForPosition(received, { timeoutMs: this.identity.timeoutMs });
    }
    await this.control('STOP SLAVE');
    await this.control('RESET SLAVE ALL');
    this.#upstream = undefined;
    this.#delayMs = 0;
    this.#deps.onPromotion(this);
    await this.set({ read_only: false });
  }

  /**
   * Streams from `upstream` (a node, or a proxy in front of one) from now on; a stopped node from its next `start()` on.
   *
   * A primary becomes a replica by it, also while it runs: its sessions stay, as in a planned switch-over. That works
   * only if it has written nothing which the new primary did not get; use `cluster.rebuild(node)` instead if it has.
   */
  async follow(upstream: TcpAddress): Promise<void> {
    const source = await this.#way(upstream);
    if (this.state === 'stopped') {
      this.#prepareToFollow(source);
    } else {
      await this.#followNow(source);
    }
    this.#upstream = upstream;
  }

  protected override closeSessions(): void {
    this.#session.close();
    this.#control.close();
  }

  /** Where to connect to in order to stream from `upstream`, with the delay. */
  async #way(upstream: TcpAddress): Promise<TcpAddress> {
    if (this.#delayMs === 0) return upstream;
    this.#detour ??= await this.openProxy(upstream, requestsLog);
    this.#detour.retarget(upstream);
    this.#detour.delay(this.#delayMs);
    return this.#detour;
  }

  #prepareToFollow(source: TcpAddress): void {
    this.home.configure({ read_only: this.#deps.readOnly });
    const adopt = this.#upstream === undefined ? [ADOPT_POSITION] : [];
    this.home.beforeConnections([...adopt, changeMaster(source), 'START SLAVE']);
  }

  async #followNow(source: TcpAddress): Promise<void> {
    const status = await this.replicaStatus();
    if (status === undefined) {
      await this.set({ read_only: this.#deps.readOnly });
      await this.control(ADOPT_POSITION);
    }
    await this.control('STOP SLAVE');
    await this.control(changeMaster(source));
    // What was paused stays so.
    if (status?.Slave_IO_Running !== 'No') await this.control('START SLAVE IO_THREAD');
    if (status?.Slave_SQL_Running !== 'No') await this.control('START SLAVE SQL_THREAD');
  }

  #notReplica(verb: string): TestingError {
    return new TestingError(
      'ERR_TESTING_NODE_STATE',
      `${verb}: ${this.name} is no replica; follow() a primary first.`,
    );
  }
}
