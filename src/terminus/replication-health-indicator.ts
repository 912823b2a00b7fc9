import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import type { ServiceLevel } from '../cluster/service-level.js';
import { UsageError } from '../errors.js';
import { getClusterToken } from '../nest/injection.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import type { NodeSnapshot } from '../routing/node-snapshot.js';

/** Options of {@link ReplicationHealthIndicator.check}. */
export interface ReplicationHealthOptions {
  /** Name of the cluster. @default 'default' */
  readonly cluster?: string;
  /** With fewer replicas that may serve reads, the health is `degraded`, unless the cluster has none at all. @default 1 */
  readonly minReplicas?: number;
  /** What the health is while the primary takes no writes. `'ignore'`: as if it did. @default 'degraded' */
  readonly writes?: 'down' | 'degraded' | 'ignore';
}

/**
 * Tells @nestjs/terminus how a cluster is, by what its monitors know: no server is asked. `down` only when no node may
 * serve reads (or writes, with `writes: 'down'`), so that an instance without replicas stays in service.
 *
 * ```ts
 * @Get('ready') @HealthCheck()
 * ready() { return this.health.check([() => this.replication.check('database', { minReplicas: 2 })]); }
 * ```
 */
@Injectable()
export class ReplicationHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  /**
   * Answers names and states of the nodes, never their addresses. Terminus 11 has no `degraded`: there the status is `up`,
   * beside `degraded: true`.
   *
   * @throws {@link UsageError} for the name of a cluster that is not registered.
   */
  check<const Key extends string = 'database'>(
    key: Key = 'database' as Key,
    { cluster: name = DEFAULT_CLUSTER, minReplicas = 1, writes = 'degraded' }: ReplicationHealthOptions = {},
  ): HealthIndicatorResult<Key> {
    const cluster = this.clusterOf(name);
    const session = this.indicators.check(key);
    const { serviceLevel } = cluster;
    // Without replicas nothing is monitored.
    if (!serviceLevel) return session.up();
    const data = describe(cluster, serviceLevel);
    if (!serviceLevel.reads || (!serviceLevel.writes && writes === 'down')) return session.down(data);
    const hasReplicas = serviceLevel.replicas >= minReplicas || !cluster.nodes.some(isMember);
    if (hasReplicas && (serviceLevel.writes || writes === 'ignore')) return session.up(data);
    return 'degraded' in session ? session.degraded(data) : upTo11(session, data);
  }

  private clusterOf(name: string): ReplicationCluster {
    try {
      return this.modules.get<ReplicationCluster>(getClusterToken(name), { strict: false });
    } catch (cause) {
      throw new UsageError(NO_CLUSTER(name), { cause });
    }
  }
}

function isMember({ role, state }: NodeSnapshot): boolean {
  return role === 'replica' && state !== 'draining';
}

type Session<Key extends string> = ReturnType<typeof HealthIndicatorService.prototype.check<Key>>;

function upTo11<Key extends string>(session: never, data: object): HealthIndicatorResult<Key> {
  return (session as Session<Key>).up({ ...data, degraded: true });
}

function describe({ nodes }: ReplicationCluster, { reads, writes, replicas }: ServiceLevel) {
  return {
    reads,
    writes,
    replicas,
    nodes: Object.fromEntries(nodes.map(({ name, state }) => [name, state])),
  };
}

const NO_CLUSTER = (name: string): string =>
  `ReplicationHealthIndicator finds no cluster "${name}" in this application. Give check() the name of one that ReplicatedModule.forRoot() has registered.`;
