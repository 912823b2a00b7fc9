import type { OverheadResult } from './measure/contest.js';
import type { FaultResult } from './parts/faults.js';
import type { FleetResult } from './parts/fleet.js';
import type { ScalingResult } from './parts/scaling.js';
import type { StartResult } from './parts/start.js';
import type { LagResult, WaitResult } from './parts/visits.js';

export interface Circumstances {
  readonly mode: string;
  readonly date: string;
  readonly minutes: number;
  /** Share of the processors that other programs used: before and after, the higher one. */
  readonly othersBusy: number;
}

export interface Parts {
  readonly calls: readonly OverheadResult[];
  readonly requests: readonly OverheadResult[];
  readonly lag: readonly LagResult[];
  readonly scaling: readonly ScalingResult[];
  readonly faults: readonly FaultResult[];
  readonly wait: readonly WaitResult[];
  readonly fleet: FleetResult;
  readonly start: readonly StartResult[];
}

export type PartName = keyof Parts;

export interface Results {
  readonly machine: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly circumstances: Partial<Record<PartName, Circumstances>>;
  readonly parts: Partial<Parts>;
}
