import type { Want } from '../cluster/routing/router.js';
import { OVER } from './leased-connection.js';
import type { RoutedCluster } from './routed-cluster.js';

/** How a query runner may behave. */
export interface SessionTerms {
  readonly want: Want;
  /** Whether writes under replica intent are refused or moved. */
  readonly isGuarded: boolean;
  /** Whether writes count as the application's: not those of TypeORM's result cache. */
  readonly countsWrites: boolean;
}

/** What a query runner wants, and what becomes of a write where it only reads. */
export class SessionIntent {
  want: Want;
  readonly countsWrites: boolean;
  private readonly isGuarded: boolean;

  constructor(
    { want, isGuarded, countsWrites }: SessionTerms,
    private readonly cluster: RoutedCluster,
  ) {
    this.want = want;
    this.isGuarded = isGuarded;
    this.countsWrites = countsWrites;
  }

  /** Whether it reads with replica intent, so that nothing may be written. */
  get isForReading(): boolean {
    return this.isGuarded && this.want.choice.intent === 'replica';
  }

  /** Whether a write goes to the primary: as it was when the runner was made, or since its handler has ended. */
  get mayPromote(): boolean {
    return this.isForReading && this.cluster.policy.judge(this.want) !== 'reject';
  }

  /** The primary from here on. */
  promote(): void {
    this.want = this.promoted();
  }

  /** The primary reads, since no replica can answer this. */
  leaveReplicas(): void {
    this.want = { ...this.want, fallback: 'behind-schema' };
  }

  refuse(statement: string, error: unknown): never {
    // Too late for this connection, but the rest of the unit, and the handler's next one, go to the primary.
    if (this.mayPromote) this.promoted();
    throw this.cluster.policy.refuse(statement, this.want, error);
  }

  /** Forgets the unit of work, which a runner may outlive. */
  end(): void {
    this.want = OVER;
  }

  private promoted(): Want {
    return this.cluster.policy.promote(this.want, this.cluster.policy.judge(this.want) !== 'promote');
  }
}
