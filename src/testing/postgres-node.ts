import type { FaultyNode } from './faulty-cluster.js';
import { formatUrl } from './node-url.js';
import type { ServerHome, Site } from './server-home.js';
import { ServerNode, type NodeIdentity } from './server-node.js';
import { formatAlterSystem, formatPrimaryConnection, type Settings } from './server-settings.js';
import { SuperuserSession } from './superuser-session.js';
import type { TcpAddress } from './tcp-proxy.js';
import { TestingError } from './testing-error.js';
import { waitUntil } from './wait-until.js';

/**
 * One server of a {@link PostgresCluster}: a primary or a replica, whichever it is at the moment.
 *
 * @example
 * await replica.pauseReplay(); // what is written from here on is not visible on this replica
 * await replica.resumeReplay();
 */
export class PostgresNode extends ServerNode implements FaultyNode {
  /** @internal Its data and processes. */
  readonly home: ServerHome;
  readonly #session = new SuperuserSession(() => this.superuserUrl);
  /** In another database than the application's, which therefore can be dropped and need not exist yet. */
  readonly #control = new SuperuserSession(() => `postgresql://postgres@${this.host}:${this.port}/postgres`);

  /** @internal Nodes are made by `startPostgresCluster`. */
  constructor(site: Site, identity: NodeIdentity) {
    const home = site.createHome(identity.name);
    super(home, identity, site.proxyHost);
    this.home = home;
  }

  /** Connection URL of the ordinary role: what an application uses. */
  get url(): string {
    return formatUrl('postgresql', this, this.identity);
  }

  /** Connection URL of the superuser `postgres`, who needs no password. */
  get superuserUrl(): string {
    return formatUrl('postgresql', this, { role: 'postgres', database: this.identity.database });
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

  /** Stops applying the log: rows written from now on stay invisible here. In effect when it resolves. */
  async pauseReplay(): Promise<void> {
    await this.control('SELECT pg_wal_replay_pause()');
    await this.#waitFor(`pg_get_wal_replay_pause_state() = 'paused'`, 'pause its replay');
  }

  /** Ends {@link pauseReplay}. A restart ends it, too. */
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
    const before = await this.#loadTime();
    for (const statement of formatAlterSystem(settings)) await this.control(statement);
    await this.control('SELECT pg_reload_conf()');
    // A connection made after the reload proves that the postmaster has passed it on to all of its processes.
    await waitUntil(async () => (await this.#loadTime()) !== before, {
      intervalMs: 1,
      message: `${this.name} to reload its configuration`,
    });
  }

  /** Makes a replica a primary; resolves when it accepts writes. The other replicas have to `follow()` it. */
  async promote(): Promise<void> {
    await this.control('SELECT pg_promote(false)');
    await this.#waitFor('NOT pg_is_in_recovery()', 'accept writes after its promotion');
  }

  /**
   * Streams from `upstream` (a node, or a proxy in front of one) from now on.
   *
   * An old primary must be stopped first; it becomes a standby at its next `start()`. That works only if it has
   * written nothing which the new primary did not get: stop it in mode `fast` *before* the promotion, or use
   * `cluster.rebuild(node)` instead.
   *
   * @throws TestingError `ERR_TESTING_NODE_STATE` if this node is a running primary
   */
  async follow(upstream: TcpAddress): Promise<void> {
    if (this.state === 'stopped') {
      return this.home.makeStandby(upstream, this.name);
    }
    const [row] = await this.control<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if (row?.standby !== true) {
      throw new TestingError(
        'ERR_TESTING_NODE_STATE',
        `${this.name} is a running primary and cannot follow port ${upstream.port}. stop() it first.`,
      );
    }
    await this.set({ primary_conninfo: formatPrimaryConnection(this.home.reach(upstream), this.name) });
  }

  protected override closeSessions(): void {
    this.#session.close();
    this.#control.close();
  }

  async #waitFor(condition: string, what: string): Promise<void> {
    await waitUntil(
      async () => {
        const [row] = await this.control<{ holds: boolean }>(`SELECT ${condition} AS holds`);
        return row?.holds;
      },
      { intervalMs: 1, timeoutMs: this.identity.timeoutMs, message: `${this.name} to ${what}` },
    );
  }

  async #loadTime(): Promise<string> {
    const [row] = await this.withConnection((query) => query('SELECT pg_conf_load_time()::text AS at'));
    return (row as { at: string }).at;
  }
}
