import { Inject, Injectable, NotFoundException } from '@nestjs/common';
import type { BreakableNode, Fault } from './breakable-node.js';
import type { Database } from './database.js';
import { DATABASE } from './database.token.js';

@Injectable()
export class FaultsService {
  readonly #nodes: ReadonlyMap<string, BreakableNode>;

  constructor(@Inject(DATABASE) { breakable }: Database) {
    this.#nodes = new Map(breakable.map((node) => [node.name, node]));
  }

  find(name: string): BreakableNode | undefined {
    return this.#nodes.get(name);
  }

  async apply(name: string, fault: Fault): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined)
      throw new NotFoundException('Only the nodes of the embedded cluster can be broken.');
    await node.apply(fault);
  }

  async applyToReplicas(fault: Fault): Promise<void> {
    await Promise.all(this.#replicas().map((node) => node.apply(fault)));
  }

  /** Whether nothing arrives on any replica; `undefined` when there is none of ours. */
  isReplayPaused(): boolean | undefined {
    const replicas = this.#replicas();
    if (replicas.length === 0) return undefined;
    return replicas.every((node) => node.condition !== 'running') && replicas.some(isPaused);
  }

  #replicas(): BreakableNode[] {
    return [...this.#nodes.values()].filter((node) => node.isReplica);
  }
}

function isPaused(node: BreakableNode): boolean {
  return node.condition === 'replay-paused';
}
