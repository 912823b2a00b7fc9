import { endpoint, readOnly, type Endpoint, type ReadOnlyMeans } from './cluster-options.js';
import { text, value } from './option.js';

/** What a node is that does not say it itself. */
export interface NodeDefaults {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly readOnly: ReadOnlyMeans;
}

/** What of a node is ours; everything else in it is TypeORM's. */
export const nodeOptions = (defaults: NodeDefaults) => ({
  /** Name in logs, counters and headers. @default 'primary', 'replica-1', 'replica-2', ... */
  name: text(/^[\w.:-]{1,64}$/, 'up to 64 letters, digits or any of . : _ -', defaults.name),
  /** What is behind its address. @default that of `cluster` */
  endpoint: endpoint(defaults.endpoint),
  /** How a session is made read-only. @default that of `cluster` */
  readOnly: readOnly(defaults.readOnly),
});

/** What of a replica is ours besides. */
export const REPLICA = {
  /** Share of the reads, relative to the other replicas. @default 1 */
  weight: value<number>(
    {
      is: (weight) => Number.isFinite(weight) && Number(weight) > 0,
      expected: 'a number above 0',
      fix: () => 'For a replica without reads, leave it out of the list.',
    },
    1,
  ),
};
