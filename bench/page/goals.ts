import type { ContenderName } from '../app/variant.js';
import { QUIET_SHARE } from '../measure/quiet.js';
import type { Ratio } from '../measure/statistics.js';
import { REQUESTS } from '../parts/requests.js';
import type { PartName, Parts, Results } from '../results.js';
import { differs } from './markdown.js';
import { majorOf, overheadRows, ratioIn } from './overhead.js';
import { hasUsualWrites } from '../sizes.js';
import { asksAt, START_FIGURES, startRatio } from './sections.js';

/** A goal of the project, and what was measured. */
export interface Goal {
  readonly part: PartName;
  readonly what: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly measured: number;
  /** By how much two that are the same differed. */
  readonly doubt?: number;
}

/** Beyond, nothing is judged. */
const MOST_DOUBT = 0.05;

/** The goals that were missed by parts of this run, on a machine that was quiet meanwhile. */
export function missedGoals(
  { parts, circumstances }: Results,
  measured: readonly PartName[],
): readonly Goal[] {
  const isQuiet = (part: PartName) => (circumstances[part]?.othersBusy ?? 1) <= QUIET_SHARE;
  return goalsOf(parts).filter(
    (goal) => measured.includes(goal.part) && isQuiet(goal.part) && isMissed(goal),
  );
}

export function isMissed({ measured, atMost = Infinity, atLeast = -Infinity, doubt = 0 }: Goal): boolean {
  return doubt <= MOST_DOUBT && (measured - doubt > atMost || measured + doubt < atLeast);
}

export function describeGoal({ what, measured, atMost, atLeast }: Goal): string {
  const limit = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return `${what}: ${measured.toFixed(3)}, ${limit} wanted`;
}

function goalsOf(parts: Partial<Parts>): readonly Goal[] {
  return [
    ...ofOverhead(parts),
    ...ofStart(parts.start ?? []),
    ...ofLag(parts.lag ?? []),
    ...ofScaling(parts.scaling ?? []),
    ...ofFaults(parts.faults ?? []),
    ...(parts.wait ?? []).map(({ maxWaitMs, stale }) =>
      none('wait', `stale reads, maxWaitMs ${maxWaitMs}`, stale),
    ),
    ...(parts.fleet
      ? [
          {
            part: 'fleet' as const,
            what: 'asks/s per replica of 1,000 instances',
            atMost: 2_000,
            measured: asksAt(1_000, parts.fleet),
          },
          none('fleet', 'stale reads of a fleet', parts.fleet.stale),
        ]
      : []),
  ];
}

function none(part: PartName, what: string, measured: number): Goal {
  return { part, what, atMost: 0, measured };
}

/** A probe may come between twenty calls. */
const COUNTING_ERROR = 0.2;

function ofOverhead(parts: Partial<Parts>): readonly Goal[] {
  return overheadRows(parts).flatMap((row): readonly Goal[] => {
    const [{ what, on, node }] = row;
    const where = `${what}, ${on}, Node ${majorOf(node)}`;
    const goal = (
      part: PartName,
      [figure, base, atMost]: readonly ['cpuUs' | 'p50Ms', 'plain' | 'platform', number],
    ): readonly Goal[] => {
      const [ratio, control] = [ratioIn(row, figure, 'session', base), ratioIn(row, figure, 'control')];
      const name = `${where}: ${figure} times that of ${base}`;
      return ratio && control
        ? [{ part, what: name, atMost, measured: ratio.median, doubt: differs(control) }]
        : [];
    };
    if (what === REQUESTS.get) return goal('requests', ['cpuUs', 'platform', 1.08]);
    if (what === REQUESTS.post) return goal('requests', ['cpuUs', 'plain', 1.25]);
    if (what === REQUESTS.postOverLink) return goal('requests', ['p50Ms', 'plain', 1.05]);
    if (on !== 'PostgreSQL') return [];
    if (what === 'findOneBy') return goal('calls', ['p50Ms', 'platform', 1.02]);
    if (what !== 'insert') return [];
    const trips = (name: ContenderName) => row.find(({ contender }) => contender === name)?.roundTrips ?? 0;
    const atMost = trips('plain') + COUNTING_ERROR;
    return [{ part: 'calls', what: `${where}: round trips`, atMost, measured: trips('session') }];
  });
}

function ofStart(start: Parts['start']): readonly Goal[] {
  if (start.length === 0) return [];
  const goal = (what: keyof typeof START_FIGURES, atMost: number): Goal => {
    const ratio = (name: 'no-replicas' | 'control'): Ratio => startRatio(start, name, START_FIGURES[what]);
    const [{ median: measured }, control] = [ratio('no-replicas'), ratio('control')];
    return { part: 'start', what: `${what} without replicas`, atMost, measured, doubt: differs(control) };
  };
  return [goal('start-up, CPU', 1.03), goal('memory, heap', 1.02)];
}

function ofLag(lag: Parts['lag']): readonly Goal[] {
  return lag
    .filter(({ variant }) => variant === 'session')
    .flatMap((one) => {
      const where = `${one.engine}, lag ${one.lagMs} ms`;
      const share = one.readsOnReplicas / one.reads;
      return [
        none('lag', `stale reads, ${where}`, one.stale),
        ...(one.lagMs <= 5 && hasUsualWrites(one)
          ? [{ part: 'lag' as const, what: `reads on replicas, ${where}`, atLeast: 0.97, measured: share }]
          : []),
      ];
    });
}

function ofScaling(scaling: Parts['scaling']): readonly Goal[] {
  return scaling
    .filter(({ variant, replicas }) => variant === 'session' && replicas === 4)
    .flatMap(({ writeShare, readsPerSecond, idealReadsPerSecond }) => {
      const atLeast = { 0.05: 0.95, 0.2: 0.8 }[writeShare];
      const measured = readsPerSecond / idealReadsPerSecond;
      const what = `4 replicas, ${100 * writeShare} % writes, of ideal`;
      return atLeast === undefined ? [] : [{ part: 'scaling' as const, what, atLeast, measured }];
    });
}

function ofFaults(faults: Parts['faults']): readonly Goal[] {
  return faults
    .filter(({ variant }) => variant === 'session')
    .flatMap((one) => [
      none('faults', `failed reads, ${one.fault}, ${one.engine}`, one.failedReads),
      none('faults', `stale reads, ${one.fault}, ${one.engine}`, one.staleReads),
    ]);
}
