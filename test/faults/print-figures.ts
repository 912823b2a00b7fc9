import type { LoadReport } from './load.js';

/** What a fault cost. */
export interface Figures extends LoadReport {
  /** From the fault until the node got no more queries. */
  readonly ejectMs?: number | undefined;
  /** From the mend until it was used again. */
  readonly returnMs?: number | undefined;
}

/** Prints one line per fault, which the documentation quotes. */
export function printFigures(fault: string, figures: Figures): void {
  const { requests, failures, longestStallMs, ejectMs, returnMs } = figures;
  const ms = (value: number | undefined) => (value === undefined ? '-' : `${Math.round(value)} ms`);
  const columns = [
    `requests ${requests}`,
    `failures ${failures.length}`,
    `longest stall ${ms(longestStallMs)}`,
    `time to eject ${ms(ejectMs)}`,
    `time to return ${ms(returnMs)}`,
  ];
  process.stdout.write(`[figures] ${fault}: ${columns.join(', ')}\n`);
}
