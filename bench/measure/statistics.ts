/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** The rounds of a measurement, by the start of the processes that they are of. */
export type Starts = readonly (readonly number[])[];

/** What something costs when nothing disturbs it, at each start: whatever disturbs a round only adds to it. */
export function undisturbed(starts: Starts): readonly number[] {
  return starts.map((rounds) => quantile(rounds, 0.1));
}

/** A ratio of two series measured in alternation: the median, with its quartiles. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Divides one by one: what was measured at the same time by what was. */
export function ratioOf(values: readonly number[], base: readonly number[]): Ratio {
  const ratios = values.map((value, index) => value / (base[index] ?? Number.NaN));
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/**
 * Start by start, since a process keeps for as long as it lives what it was lucky or unlucky with: where its code and data
 * lie, and how it was compiled.
 */
export function ratioOfStarts(values: Starts, base: Starts): Ratio {
  return ratioOf(undisturbed(values), undisturbed(base));
}

/**
 * Rounds of short slices: in each, every one is measured right after the others, so that what disturbs the machine for a
 * while disturbs all. Every round begins far from where the last one did, and every second one runs backwards: none is
 * always early or late. The first rounds, of negative number, warm up in the same turns: a process that is warmed up and
 * then has to wait is compiled again.
 */
export async function inTurns<T>(
  all: readonly T[],
  { warmUpRounds = 0, rounds }: { readonly warmUpRounds?: number; readonly rounds: number },
  slice: (one: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = -warmUpRounds; round < rounds; round++) {
    const shift = Math.floor(Math.abs(round) * GOLDEN_RATIO * all.length) % Math.max(1, all.length);
    const turned = [...all.slice(shift), ...all.slice(0, shift)];
    for (const one of round % 2 === 0 ? turned : turned.toReversed()) await slice(one, round);
  }
}

/** Multiples of it, without their whole part, are spread evenly. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
