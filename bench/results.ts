import type { CallResult } from './parts/calls.js';
import type { FaultResult } from './parts/faults.js';
import type { HttpResult } from './measure/compare-servers.js';
import type { LagResult } from './parts/lag.js';
import type { ScalingResult } from './parts/scaling.js';
import type { StartResult } from './parts/start.js';
import type { WaitResult } from './parts/wait.js';
import type { UnitResults } from './parts/units.js';

/** Where and when one part was measured. */
export interface Circumstances {
  readonly mode: string;
  readonly date: string;
  readonly command: string;
  readonly minutes: number;
  /** Processes that wanted a core, beside ours: the load average when the command began. */
  readonly loadBefore: number;
}

/** The parts, by name. */
export interface Parts {
  readonly calls: readonly CallResult[];
  readonly http: readonly HttpResult[];
  readonly share: readonly HttpResult[];
  readonly guarantee: readonly HttpResult[];
  readonly lag: readonly LagResult[];
  readonly wait: readonly WaitResult[];
  readonly faults: readonly FaultResult[];
  readonly scaling: readonly ScalingResult[];
  readonly units: UnitResults;
  readonly start: readonly StartResult[];
  readonly 'no-replicas': readonly HttpResult[];
}

export type PartName = keyof Parts;

/** Everything that the page is made of: the raw results. */
export interface Results {
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly circumstances: Partial<Record<PartName, Circumstances>>;
  readonly parts: Partial<Parts>;
}
