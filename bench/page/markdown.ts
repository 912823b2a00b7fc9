import type { Ratio } from '../measure/statistics.js';

/** A table; prettier aligns it. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** `1.07 (1.05 to 1.10)`: the median and the quartiles; nothing where two that are the same differ by more. */
export function ratioCell(ratio: Ratio | undefined, control: Ratio | undefined): string {
  if (!ratio || Number.isNaN(ratio.median)) return '-';
  if (control && differs(control) > differs(ratio)) return 'not measurable here';
  return spread(ratio);
}

export function spread({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** By how much a ratio is not 1. */
export function differs({ median }: Ratio): number {
  return Math.abs(median - 1);
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** With thousands separated. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function milliseconds(value: number | 'never'): string {
  return value === 'never' ? 'never' : `${count(value)} ms`;
}
