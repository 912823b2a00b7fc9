import { Injectable } from '@nestjs/common';
import { UsageError } from '../errors.js';
import type { ReplicationCluster } from '../typeorm/replication-cluster.js';

/** The clusters of one application. */
@Injectable()
export class ClusterRegistry {
  private readonly names = new Set<string>();
  private readonly active: ReplicationCluster[] = [];

  /** Reserves a name; a second registration of it is refused before anything connects. */
  reserve(name: string): void {
    if (this.names.has(name)) {
      throw new UsageError(
        `A cluster named "${name}" is registered already. Give each ReplicatedModule.forRoot or forRootAsync of an application a \`name\` of its own.`,
      );
    }
    this.names.add(name);
  }

  add(cluster: ReplicationCluster): void {
    if (cluster.isActive) this.active.push(cluster);
  }

  /** The clusters that have something to route. */
  get clusters(): readonly ReplicationCluster[] {
    return this.active;
  }
}
