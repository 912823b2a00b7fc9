import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/nodes/lease.js';
import type { Want } from '../cluster/routing/router.js';
import type { WaitingWork } from '../cluster/watch/primary-wait.js';
import type { WriteWatch } from '../engine.js';
import { outsideUnits } from '../context/storage.js';
import { noteUnavailable } from './failed-query.js';
import { methodsOf, partsOf } from './internals.js';
import type { RoutedCluster } from './routed-cluster.js';

/** A connection from the moment that it is asked for. */
export interface Checkout extends WaitingWork {
  want: Want;
  /** `undefined` once it is given back. */
  connection: Promise<unknown> | undefined;
  /** Where it is; `undefined` while it is on its way. */
  lease: Lease | undefined;
}

/**
 * The connection of one query runner: taken from the node that the route says, lost, replaced and given back. The usual
 * case makes one promise more than TypeORM itself: with AsyncLocalStorage at work, they are dear.
 */
export class LeasedConnection {
  /** `undefined` as long as nobody needs a connection. */
  checkout: Checkout | undefined;
  /** Why nobody must use the connection any more. */
  poison: unknown;
  /** What a query on the connection has failed with, last. */
  lastFailure: unknown;
  private failed: Set<string> | undefined;
  /** No query comes any more. */
  hasEnded = false;
  /** Was on its way when it was dropped. The next one waits for it: a runner of TypeORM keeps one connection. */
  private leaving: Promise<unknown> | undefined;

  /** `session`: its `writes` are told of statements where it may write. */
  constructor(
    private readonly runner: QueryRunner,
    private readonly cluster: RoutedCluster,
    private readonly session: { readonly writes: WriteWatch },
  ) {}

  get lease(): Lease | undefined {
    return this.checkout?.lease;
  }

  open(want: Want): Promise<unknown> {
    if (this.checkout) {
      return this.checkout.connection ?? Promise.resolve(partsOf(this.runner).databaseConnection);
    }
    const checkout: Checkout = { want, connection: undefined, lease: undefined };
    this.checkout = checkout;
    const { leaving } = this;
    this.leaving = undefined;
    return (checkout.connection = leaving ? leaving.then(() => this.take(checkout)) : this.take(checkout));
  }

  /** Whether TypeORM has released the runner by itself, which it does when the connection dies while idle. */
  get hasDied(): boolean {
    return this.lease !== undefined && !this.hasEnded && this.cluster.engine.connector.hasDied(this.runner);
  }

  /** Whether its server is inside a transaction, whatever has begun it; what its driver does not tell is `assumed`. */
  isInTransaction(assumed: boolean): boolean {
    if (!this.lease) return false;
    const { databaseConnection, isTransactionActive } = partsOf(this.runner);
    return this.cluster.engine.isInTransaction(databaseConnection) ?? (assumed || isTransactionActive);
  }

  /** Asks this node no more. */
  exclude({ node, session }: Lease): void {
    if (session === 'read-only') (this.failed ??= new Set()).add(node.name);
  }

  /** Gives the connection back, or has it destroyed, so that the next query takes another. */
  drop(): void {
    const { checkout } = this;
    if (!checkout) return;
    this.checkout = undefined;
    if (checkout.lease) this.leave(checkout);
    else
      this.leaving = checkout.connection?.then(
        () => this.leave(checkout),
        () => undefined,
      );
  }

  private leave({ lease }: Checkout): void {
    this.cluster.engine.connector.giveBack(this.runner, this.whyUnusable);
    lease?.end();
    this.poison = undefined;
    this.lastFailure = undefined;
    this.forget();
  }

  /** No query comes any more: waits for a connection that is still on its way, since it would never come back. */
  end(): Promise<unknown> | undefined {
    this.hasEnded = true;
    return this.lease ? undefined : (this.checkout?.connection ?? this.leaving)?.catch(() => undefined);
  }

  /** Ends whatever transaction the connection is in, before others get it. */
  async rollBack(): Promise<void> {
    const { databaseConnection, isReleased } = partsOf(this.runner);
    if (!databaseConnection || isReleased || this.poison) return;
    try {
      await this.cluster.engine.rollBack(databaseConnection);
    } catch (error) {
      this.poison = error;
    }
  }

  giveBack(): Promise<void> {
    const { runner, whyUnusable } = this;
    const given = outsideUnits(() => {
      if (!whyUnusable) return methodsOf(runner).release.call(runner);
      this.cluster.engine.connector.giveBack(runner, whyUnusable);
      return Promise.resolve();
    });
    this.lease?.end();
    this.forgetUnit();
    return given;
  }

  /** A pool would hand a session that ends to somebody else, until it hears of that. */
  private get whyUnusable(): unknown {
    if (this.poison || !this.lastFailure) return this.poison;
    const { databaseConnection } = partsOf(this.runner);
    const mayBeEnding = databaseConnection && this.cluster.engine.mayBeEnding(databaseConnection);
    return mayBeEnding ? this.lastFailure : undefined;
  }

  /** A runner that is kept for long must not keep the unit of work it was for, which promises do, too. */
  private forgetUnit(): void {
    const { checkout } = this;
    if (!checkout) return;
    checkout.want = OVER;
    checkout.connection = undefined;
  }

  private take(checkout: Checkout): Promise<unknown> {
    try {
      const leasing = this.cluster.router.lease(checkout.want, this.failed);
      if (!(leasing instanceof Promise)) return this.takeFrom(leasing, checkout);
      return leasing.then(
        (lease) => this.takeFrom(lease, checkout),
        (error: unknown) => this.giveUp(error, checkout),
      );
    } catch (error) {
      return this.giveUp(error, checkout);
    }
  }

  private takeFrom(lease: Lease, checkout: Checkout): Promise<unknown> {
    const { driver } = lease.pool;
    const connecting = driver
      ? this.connectBy(driver)
      : outsideUnits(() => lease.pool.open()).then((opened) => this.connectBy(opened));
    return connecting.then(
      (client) => this.accept(client, lease, checkout),
      (error: unknown) => this.moveOn(error, lease, checkout),
    );
  }

  private connectBy(driver: unknown): Promise<unknown> {
    return outsideUnits(() => this.cluster.engine.connector.connect(this.runner, driver));
  }

  private accept(client: unknown, lease: Lease, checkout: Checkout): unknown {
    const { engine } = this.cluster;
    try {
      const isReader = lease.session === 'read-only';
      const connection = isReader
        ? engine.guardReads(client)
        : engine.observeWrites(client, this.session.writes);
      partsOf(this.runner).databaseConnection = connection;
      const isFresh = this.cluster.isFreshEnough(lease, connection);
      if (isFresh !== true) return this.prove(isFresh, lease, checkout);
      checkout.lease = lease;
      return connection;
    } catch (error) {
      return this.moveOn(error, lease, checkout);
    }
  }

  /**
   * Whether the server behind the connection has replayed what the client's token demands. One that has not goes back
   * to its pool, and the primary reads; where the server is another than the one that was chosen, the choice is made
   * anew.
   */
  private async prove(
    isFresh: boolean | Promise<boolean>,
    lease: Lease,
    checkout: Checkout,
  ): Promise<unknown> {
    const { engine } = this.cluster;
    try {
      if (await isFresh) {
        checkout.lease = lease;
        return partsOf(this.runner).databaseConnection;
      }
    } catch (error) {
      engine.connector.giveBack(this.runner, error);
      return this.moveOn(error, lease, checkout);
    }
    engine.connector.giveBack(this.runner);
    lease.end();
    this.forget();
    if (!lease.isOutdated) checkout.want = { ...checkout.want, fallback: 'behind-token' };
    return this.take(checkout);
  }

  /** Another node may do better. */
  private moveOn(error: unknown, lease: Lease, checkout: Checkout): Promise<unknown> {
    const { failures } = this.cluster;
    lease.end();
    this.forget();
    if (!failures.mayMoveOn(lease, error))
      return this.giveUp(failures.explainConnect(lease, error), checkout);
    this.exclude(lease);
    return this.take(checkout);
  }

  /** Nothing has been sent yet, so that it may wait for a primary. */
  private async giveUp(error: unknown, checkout: Checkout): Promise<unknown> {
    const { primaryWait } = this.cluster;
    if (primaryWait.mayHelp(error) && (await primaryWait.until(checkout)) && !this.hasEnded) {
      this.failed = undefined;
      return this.take(checkout);
    }
    if (this.checkout === checkout) this.checkout = undefined;
    noteUnavailable(checkout.want, error);
    throw error;
  }

  private forget(): void {
    const parts = partsOf(this.runner);
    parts.isReleased = false;
    parts.databaseConnection = undefined;
  }
}

/** Of a session that does no more. */
export const OVER: Want = {
  scope: undefined,
  work: undefined,
  choice: { intent: 'replica', reason: 'explicit', ownWrites: false },
};
