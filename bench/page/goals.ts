import type { ContenderName } from '../app/variant.js';
import { QUIET_SHARE } from '../measure/quiet.js';
import type { Ratio } from '../measure/statistics.js';
import { REQUESTS } from '../parts/requests.js';
import type { PartName, Parts, Results } from '../results.js';
import { differs } from './markdown.js';
import { overheadRows, ratioIn, type OverheadRow } from './overhead.js';
import { asksAt, START_FIGURES, startRatio } from './sections.js';

/** A goal of the project, and what was measured. */
export interface Goal {
  readonly part: PartName;
  readonly what: string;
  readonly measured: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** By how much two that are the same differed, or one by itself. */
  readonly doubt?: number;
  /** Of code that has been compiled: short runs end before. */
  readonly isOfCompiled?: boolean;
}

/** Beyond, nothing is judged. */
const MOST_DOUBT = 0.05;

/** The goals that were missed by parts of this run, on a machine that was quiet meanwhile. */
export function missedGoals({ parts, circumstances }: Results, measured: readonly PartName[]): Goal[] {
  const isFit = ({ part, isOfCompiled }: Goal) =>
    (circumstances[part]?.othersBusy ?? 1) <= QUIET_SHARE &&
    (!isOfCompiled || circumstances[part]?.mode === 'full');
  return goalsOf(parts).filter((goal) => measured.includes(goal.part) && isFit(goal) && isMissed(goal));
}

export function isMissed({ measured, atMost = Infinity, atLeast = -Infinity, doubt = 0 }: Goal): boolean {
  return doubt <= MOST_DOUBT && (measured - doubt > atMost || measured + doubt < atLeast);
}

function goalsOf(parts: Partial<Parts>): readonly Goal[] {
  const { start, lag = [], scaling = [], faults = [], wait = [], fleet } = parts;
  const none = (part: PartName, what: string, measured: number) => ({ part, what, measured, atMost: 0 });
  return [
    ...overheadRows(parts).flatMap(ofOverhead),
    ...(start ? [ofStart(start, 'start-up, CPU', 1.03), ofStart(start, 'memory, heap', 1.02)] : []),
    ...lag
      .filter(({ variant }) => variant === 'session')
      .map((one) => none('lag', `stale reads, ${one.engine}, lag ${one.lagMs} ms`, one.stale)),
    ...scaling
      .filter(({ variant, replicas }) => variant === 'session' && replicas === 4)
      .flatMap(({ writeShare, readsPerSecond, idealReadsPerSecond }): readonly Goal[] => {
        const atLeast = { 0.05: 0.95, 0.2: 0.8 }[writeShare];
        const measured = readsPerSecond / idealReadsPerSecond;
        const what = `4 replicas, ${100 * writeShare} % writes, of ideal`;
        return atLeast === undefined ? [] : [{ part: 'scaling', what, atLeast, measured }];
      }),
    ...faults
      .filter(({ variant }) => variant === 'session')
      .map(({ fault, engine, failedReads, staleReads }) =>
        none('faults', `failed or stale reads, ${fault}, ${engine}`, failedReads + staleReads),
      ),
    ...wait.map((one) => none('wait', `stale reads, maxWaitMs ${one.maxWaitMs}`, one.stale)),
    ...(fleet ? [none('fleet', 'stale reads', fleet.stale)] : []),
    ...(fleet ? [{ ...ASKS, measured: asksAt(1_000, fleet) }] : []),
  ];
}

const ASKS = { part: 'fleet', what: 'asks/s per replica, 1,000 instances', atMost: 2_000 } as const;
/** A probe may come between twenty calls. */
const COUNTING_ERROR = 0.2;

function ofOverhead(row: OverheadRow): readonly Goal[] {
  const [{ what, on, node }] = row;
  const goal = (figure: 'cpuUs' | 'p50Ms', base: 'plain' | 'platform', atMost: number): readonly Goal[] => {
    const [ratio, control] = [ratioIn(row, figure, 'session', base), ratioIn(row, figure, 'control')];
    if (!ratio || !control) return [];
    const name = `${what}, ${on}, Node ${node}: ${figure} times that of ${base}`;
    const part = figure === 'cpuUs' || what === REQUESTS.postOverLink ? 'requests' : 'calls';
    const [doubt, isOfCompiled] = [doubtOf(ratio, control), what !== REQUESTS.postOverLink];
    return [{ part, what: name, atMost, measured: ratio.median, doubt, isOfCompiled }];
  };
  if (what === REQUESTS.get) return goal('cpuUs', 'platform', 1.08);
  if (what === REQUESTS.post) return goal('cpuUs', 'plain', 1.25);
  if (what === REQUESTS.postOverLink) return goal('p50Ms', 'plain', 1.05);
  if (on !== 'PostgreSQL') return [];
  if (what === 'findOneBy') return goal('p50Ms', 'platform', 1.02);
  if (what !== 'insert') return [];
  const trips = (name: ContenderName) => row.find(({ contender }) => contender === name)?.roundTrips ?? 0;
  const atMost = trips('plain') + COUNTING_ERROR;
  return [{ part: 'calls', what: `insert, Node ${node}: round trips`, atMost, measured: trips('session') }];
}

function ofStart(start: Parts['start'], what: keyof typeof START_FIGURES, atMost: number): Goal {
  const ratio = (name: ContenderName) => startRatio(start, name, START_FIGURES[what]);
  const [one, control] = [ratio('no-replicas'), ratio('control')];
  const doubt = doubtOf(one, control);
  return { part: 'start', what: `${what}, no replicas`, atMost, measured: one.median, doubt };
}

function doubtOf({ low, high }: Ratio, control: Ratio): number {
  return Math.max(differs(control), (high - low) / 2);
}
