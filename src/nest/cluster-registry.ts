import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { UsageError } from '../errors.js';
import type { ComposedCluster } from './composition/compose-cluster.js';

/** Token under which every registration keeps the name of its cluster. */
export const REGISTERED_NAME = Symbol.for('nestjs-replicated:registered-name');

/** The clusters of one application. */
@Injectable()
export class ClusterRegistry {
  /** Names of the groups of all replicas. */
  readonly groups = new Set<string>();
  private readonly active: ComposedCluster[] = [];
  private readonly names: readonly string[];

  /** All modules are known by now and none has connected: the time to refuse a name that is given twice. */
  constructor(@Inject(ModulesContainer) readonly modules: ModulesContainer) {
    this.names = [...modules.values()].flatMap(
      ({ providers }) => (providers.get(REGISTERED_NAME)?.instance as string | undefined) ?? [],
    );
    const repeated = this.names.find((name, index) => this.names.indexOf(name) < index);
    if (repeated !== undefined) throw registeredTwice(repeated);
  }

  add(composed: ComposedCluster): void {
    if (!composed.cluster.isActive) return;
    composed.topology.shareGroups(this.groups);
    this.active.push(composed);
    const placeOf = ({ cluster }: ComposedCluster): number => this.names.indexOf(cluster.name);
    this.active.sort((a, b) => placeOf(a) - placeOf(b));
  }

  /** The clusters that have something to route, in the order of their registration. */
  get clusters(): readonly ComposedCluster[] {
    return this.active;
  }
}

function registeredTwice(name: string): UsageError {
  return new UsageError(
    `A cluster named "${name}" is registered already. Give each ReplicatedModule.forRoot or forRootAsync of an application a \`name\` of its own.`,
  );
}
