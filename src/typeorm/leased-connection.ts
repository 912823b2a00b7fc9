import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/lease.js';
import type { Want } from '../cluster/router.js';
import type { WriteWatch } from '../dialects/dialect.js';
import { UnavailableError } from '../errors.js';
import type { Driver } from './driver.js';
import { methodsOf, partsOf } from './query-runner-parts.js';
import type { RoutedCluster } from './routed-cluster.js';

/** The connection of one query runner: taken from the node that the route says, lost, replaced and given back. */
export class LeasedConnection {
  /** Where it is; `undefined` while there is none. */
  lease: Lease | undefined;
  /** Why nobody must use the connection any more. */
  poison: unknown;
  private opening: Promise<unknown> | undefined;
  private failed: Set<string> | undefined;
  private hasEnded = false;

  /** `watch`: is told of writes. */
  constructor(
    private readonly runner: QueryRunner,
    private readonly cluster: RoutedCluster,
    private readonly watch: WriteWatch,
  ) {}

  /** Takes a connection, if there is none yet; a runner at its end gets no other. */
  ready(want: Want): Promise<unknown> | undefined {
    return this.lease || this.hasEnded ? undefined : this.open(want);
  }

  open(want: Want): Promise<unknown> {
    return (this.opening ??= this.take(want));
  }

  /** Whether TypeORM has released the runner by itself, which it does when the connection dies while idle. */
  get hasDied(): boolean {
    return this.lease !== undefined && !this.hasEnded && partsOf(this.runner).isReleased;
  }

  /** Asks this node no more. */
  exclude({ node, session }: Lease): void {
    if (session === 'read-only') (this.failed ??= new Set()).add(node.name);
  }

  /** Gives the connection back, or has it destroyed, so that the next query takes another. */
  drop(): void {
    if (!this.opening) return;
    // Ends before it returns; its promise is of an async function that awaits nothing.
    void partsOf(this.runner).releasePostgresConnection(this.poison);
    this.lease?.end();
    this.lease = undefined;
    this.opening = undefined;
    this.poison = undefined;
    this.forget();
  }

  /** No query comes any more: waits for a connection that is still on its way, since it would never come back. */
  end(): Promise<unknown> | undefined {
    this.hasEnded = true;
    return this.lease ? undefined : this.opening?.catch(() => undefined);
  }

  giveBack(): Promise<void> {
    const given = this.poison
      ? partsOf(this.runner).releasePostgresConnection(this.poison)
      : methodsOf(this.runner).release.call(this.runner);
    this.lease?.end();
    return given;
  }

  private async take(want: Want): Promise<unknown> {
    try {
      let demand = want;
      for (;;) {
        const leasing = this.cluster.router.lease(demand, this.failed);
        const connection = await this.takeFrom(leasing instanceof Promise ? await leasing : leasing);
        if (connection === 'behind') demand = { ...demand, fallback: 'behind-token' };
        else if (connection !== 'failed' && connection !== 'outdated') return connection;
      }
    } catch (error) {
      await undefined; // so that the promise of this attempt is noted before it is forgotten
      this.opening = undefined;
      noteUnavailable(want, error);
      throw error;
    }
  }

  /**
   * `behind`: the server behind the connection has not replayed what the client's token demands. `failed`: another node
   * may do better. `outdated`: the choice must be made anew.
   */
  private async takeFrom(lease: Lease): Promise<unknown> {
    const parts = partsOf(this.runner);
    const { dialect, failures } = this.cluster;
    try {
      parts.driver = (lease.pool.driver ?? (await lease.pool.open())) as Driver;
      const client = await methodsOf(this.runner).connect.call(this.runner);
      const isReader = lease.session === 'read-only';
      const connection = isReader ? dialect.guardReads(client) : dialect.observeWrites(client, this.watch);
      parts.databaseConnection = connection;
      const isFresh = this.cluster.isFreshEnough(lease, connection);
      if (isFresh === true || (await this.proves(isFresh))) {
        this.lease = lease;
        return connection;
      }
      lease.end();
      this.forget();
      return lease.isOutdated ? 'outdated' : 'behind';
    } catch (error) {
      lease.end();
      this.forget();
      if (!failures.mayMoveOn(lease, error)) throw failures.explainConnect(lease, error);
      this.exclude(lease);
      return 'failed';
    }
  }

  /** A connection that has not proved to be fresh enough goes back to its pool. */
  private async proves(isFresh: boolean | Promise<boolean>): Promise<boolean> {
    const parts = partsOf(this.runner);
    try {
      if (await isFresh) return true;
    } catch (error) {
      await parts.releasePostgresConnection(error);
      throw error;
    }
    await parts.releasePostgresConnection();
    return false;
  }

  private forget(): void {
    const parts = partsOf(this.runner);
    parts.isReleased = false;
    parts.databaseConnection = undefined;
    parts.databaseConnectionPromise = undefined;
  }
}

/** Tells the unit whose query it was, which may answer for it over HTTP. */
export function noteUnavailable({ scope }: Want, error: unknown): void {
  if (error instanceof UnavailableError) scope?.unit.noteUnavailable(error);
}
