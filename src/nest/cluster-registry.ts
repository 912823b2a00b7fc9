import { Injectable } from '@nestjs/common';
import { UsageError } from '../errors.js';
import type { ComposedCluster } from '../typeorm/compose-cluster.js';

/** The clusters of one application. */
@Injectable()
export class ClusterRegistry {
  private readonly names = new Set<string>();
  private readonly active: ComposedCluster[] = [];

  /** Reserves a name; a second registration of it is refused before anything connects. */
  reserve(name: string): void {
    if (this.names.has(name)) {
      throw new UsageError(
        `A cluster named "${name}" is registered already. Give each ReplicatedModule.forRoot or forRootAsync of an application a \`name\` of its own.`,
      );
    }
    this.names.add(name);
  }

  add(composed: ComposedCluster): void {
    if (composed.cluster.isActive) this.active.push(composed);
  }

  /** The clusters that have something to route. */
  get clusters(): readonly ComposedCluster[] {
    return this.active;
  }
}
