import {
  DataSource,
  type EntityManager,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
  type ReplicationMode,
  type SelectQueryBuilder,
} from 'typeorm';
import type { History } from '../position.js';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import type { RoutedCluster } from './routed-cluster.js';
import { isRouted, type ResolvedOptions } from '../options/resolved-options.js';
import type { FallbackReason, Intent } from '../routing/route.js';
import type { Connections } from '../connector.js';
import { OwnHost } from './own-host.js';
import { attachSession } from './query-session.js';
import { createGuardedBuilder, type Asked } from './guarded-builder.js';
import { GuardedEntityManager } from './guarded-manager.js';
import { markRefused } from '../context/mark-refused.js';
import { storage } from '../context/storage.js';
import { overrideMethod } from './override-method.js';
import { pinRelations } from './pinned-relations.js';
import { createView, FALLBACK, PIN } from './data-source-view.js';
import type { CacheInternals } from './internals.js';

/** What a routed DataSource is composed with. */
export interface RoutedParts {
  readonly cluster: ReplicationCluster;
  readonly routed: RoutedCluster;
}

/**
 * A DataSource whose connections come from the node that the route says. Everything TypeORM does asks
 * `createQueryRunner` for its connection: a call without a mode writes, or may write; `'slave'` only reads; `'master'`
 * means the primary whatever the route, and `'slave'` of the application's own a replica.
 */
export class RoutedDataSource<Parts extends RoutedParts = RoutedParts> extends DataSource {
  /** What this DataSource is composed with. */
  readonly composed: Parts;
  /** Of a view. */
  declare readonly [PIN]?: Intent;
  declare readonly [FALLBACK]?: FallbackReason;
  /** Whether queries are routed at the moment. */
  isActive = false;
  private isBuilderAsking = false;
  private readonly host: OwnHost;
  private readonly views: Partial<Record<Intent | 'or-primary', RoutedDataSource>> = {};

  constructor(
    readonly replicated: ResolvedOptions,
    compose: (dataSource: DataSource & { readonly ownConnections: Connections }) => Parts,
  ) {
    let newestHistory = (): History | undefined => undefined;
    const host = new OwnHost(replicated, () => newestHistory());
    super(host.options);
    host.session.prepare?.(this);
    this.host = host;
    this.composed = compose(this);
    newestHistory = () => this.composed.cluster.newestHistory;
    this.keepCacheOnPrimary();
    pinRelations(this as RoutedDataSource, replicated.name);
  }

  override async initialize(): Promise<this> {
    if (this.isInitialized) return super.initialize(); // which refuses it
    await this.composed.cluster.findStart((place) => this.host.move(this, place));
    this.ownConnections.reopen();
    await super.initialize();
    try {
      await this.composed.cluster.start();
    } catch (error) {
      await this.destroy();
      throw error;
    }
    this.isActive = isRouted(this.replicated);
    return this;
  }

  override async destroy(): Promise<void> {
    this.isActive = false;
    await this.composed.cluster.stop();
    await this.host.session.closeWithin(() => super.destroy());
  }

  override setOptions(options: Parameters<DataSource['setOptions']>[0]): this {
    super.setOptions(options);
    this.keepCacheOnPrimary();
    return this;
  }

  /** Asked by TypeORM's builders alone, in the expression that asks for a runner: an application that says 'slave' means it. */
  override defaultReplicationModeForReads(): ReplicationMode {
    this.isBuilderAsking = true;
    return 'slave';
  }

  override createQueryRunner(mode?: ReplicationMode, countsWrites = true): QueryRunner {
    const isBuilder = this.isBuilderAsking;
    this.isBuilderAsking = false;
    if (!this.isActive) return super.createQueryRunner(mode);
    const { routed } = this.composed;
    const pin = mode === 'slave' && !isBuilder ? (this[PIN] ?? 'replica') : this[PIN];
    const wanted = routed.router.wantOf(storage.getStore(), mode === 'master' ? 'primary' : pin);
    const want = this[FALLBACK] ? { ...wanted, fallback: this[FALLBACK] } : wanted;
    const isGuarded = routed.policy.isEnabled && routed.rollout.mode === 'route' && !want.isOutside;
    // In mode 'slave' the result cache stores through a runner of its own, which it asks for with 'master'.
    const isReader = mode === 'slave' || (want.choice.intent === 'replica' && isGuarded);
    const runner = super.createQueryRunner(isReader ? 'slave' : 'master');
    return attachSession(runner, { want, isGuarded, countsWrites }, routed);
  }

  override createQueryBuilder<Entity extends ObjectLiteral>(
    ...asked: Asked<Entity>
  ): SelectQueryBuilder<Entity> {
    const create = (): SelectQueryBuilder<Entity> =>
      super.createQueryBuilder(...(asked as [EntityTarget<Entity>, string]));
    return this.isActive ? createGuardedBuilder(this, create, asked) : create();
  }

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    const { type } = this.options;
    if (type === 'mongodb' || type === 'sqljs') return super.createEntityManager(queryRunner);
    return new GuardedEntityManager(this, queryRunner);
  }

  /** Of its own pool. */
  get ownConnections(): Connections {
    return this.host.session.connections;
  }

  /** This DataSource with one role. */
  pinned(intent: Intent): RoutedDataSource {
    return (this.views[intent] ??= createView(this as RoutedDataSource, intent));
  }

  /** This DataSource, asked again for what replicas have not found: it reads the primary in their place. */
  get askedAgain(): RoutedDataSource {
    return (this.views['or-primary'] ??= createView(this as RoutedDataSource, 'replica', 'empty-answer'));
  }

  /** TypeORM's result cache writes while the application reads: not a write of the application. */
  private keepCacheOnPrimary(): void {
    const cache = this.queryResultCache as CacheInternals<DataSource> | undefined;
    const key = cache && ('dataSource' in cache ? 'dataSource' : 'connection');
    if (!key || cache[key] !== this) return;
    const view = createView(this as RoutedDataSource, 'primary');
    view.createQueryRunner = () => this.createQueryRunner('master', false);
    cache[key] = view;
  }
}

for (const name of ['query', 'sql', 'transaction']) {
  overrideMethod(RoutedDataSource, name, (dataSource, inherited, args) => {
    const answer = inherited.apply(dataSource, args) as Promise<unknown>;
    return dataSource.isActive ? markRefused(answer) : answer;
  });
}
