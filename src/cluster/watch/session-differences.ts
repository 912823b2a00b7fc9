import type { SessionDefaults } from '../../connector.js';
import type { ClusterEmitter } from '../events/cluster-events.js';

/** Tells once of replicas on whose sessions the same row may look different than on the primary's. */
export class SessionDifferences {
  private readonly known = new Map<string, SessionDefaults>();
  private readonly told = new Set<string>();

  constructor(
    private readonly primary: () => string,
    private readonly events: ClusterEmitter,
  ) {}

  /** What sessions of a node are like. */
  learn(node: string, defaults: SessionDefaults): void {
    this.known.set(node, defaults);
    const primary = this.primary();
    for (const other of node === primary ? this.known.keys() : [node]) this.compare(other, primary);
  }

  private compare(node: string, primary: string): void {
    const [own, expected] = [this.known.get(node), this.known.get(primary)];
    if (!own || !expected || node === primary) return;
    const differences = Object.keys(expected)
      .filter((name) => String(own[name]) !== String(expected[name]))
      .map((name) => `${name} ('${String(own[name])}', there '${String(expected[name])}')`);
    const detail = `Its sessions differ from those of "${primary}" in ${differences.join(', ')}: ${FIX}`;
    if (differences.length === 0 || this.told.has(node + detail)) return;
    this.told.add(node + detail);
    this.events.emit('promiseWeakened', { node, detail });
  }
}

const FIX =
  'the same row may look different, and a statement may be refused on one of them only. Give both servers the same, or set it for every session by onConnect';
