import type { ContenderName } from '../app/variant.js';
import type { OverheadResult } from '../measure/contest.js';
import { median, ratioOfStarts, undisturbed, type Ratio, type Starts } from '../measure/statistics.js';
import { REQUESTS } from '../parts/requests.js';
import type { Parts } from '../results.js';
import { count, ratioCell, spread, table } from './markdown.js';

type Figure = 'cpuUs' | 'p50Ms';

/** What one call or request costs the contenders. */
export type OverheadRow = readonly [OverheadResult, ...OverheadResult[]];

const CALLS: Readonly<Record<string, string>> = {
  find: '`find` of 20 rows',
  findOneBy: '`findOneBy`',
  query: '`query`, a select',
  save: '`save`',
  insert: '`insert`',
};
const ORDER = [...Object.keys(CALLS), ...Object.values<string>(REQUESTS)];
/** Behind a link a request is mostly waiting, and there are too few of them. */
const WITHOUT_CPU = new Set<string>([REQUESTS.getOverLink, REQUESTS.postOverLink]);

/** The calls, then the requests. */
export function overheadRows({ calls = [], requests = [] }: Partial<Parts>): readonly OverheadRow[] {
  const rows = new Map<string, [OverheadResult, ...OverheadResult[]]>();
  for (const one of [...calls, ...requests]) {
    const key = `${one.what} ${one.on} ${one.node}`;
    const row = rows.get(key);
    if (row) row.push(one);
    else rows.set(key, [one]);
  }
  return [...rows.values()].sort(([a], [b]) => ORDER.indexOf(a.what) - ORDER.indexOf(b.what));
}

/** One contender against another. */
export function ratioIn(
  row: OverheadRow,
  figure: Figure,
  name: ContenderName,
  base: ContenderName = 'plain',
): Ratio | undefined {
  const [values, others] = [figuresOf(row, figure, name), figuresOf(row, figure, base)];
  return values && others ? ratioOfStarts(values, others) : undefined;
}

function figuresOf(row: OverheadRow, figure: Figure, name: ContenderName): Starts | undefined {
  return row.find(({ contender }) => contender === name)?.[figure];
}

/** Plain TypeORM's figure, then ratios to it. */
function cellsOf(row: OverheadRow, figure: Figure): readonly string[] {
  const plain = figuresOf(row, figure, 'plain');
  const control = ratioIn(row, figure, 'control');
  if (!plain || (figure === 'cpuUs' && WITHOUT_CPU.has(row[0].what))) return Array<string>(5).fill('');
  const value = median(undisturbed(plain));
  return [
    figure === 'cpuUs' ? `${count(value)} µs` : `${value.toFixed(2)} ms`,
    control ? spread(control) : '',
    ratioCell(ratioIn(row, figure, 'platform'), control),
    ratioCell(ratioIn(row, figure, 'session'), control),
    ...(figure === 'cpuUs' ? [ratioCell(ratioIn(row, figure, 'no-replicas'), control)] : []),
  ];
}

export function overheadTable(parts: Partial<Parts>): string {
  const columns = ['plain', 'plain again', "platform's share", 'this library'];
  const cpu = [...columns, '`replicas: []`'].map((name) => `CPU: ${name}`);
  const head = [...cpu, ...columns.map((name) => `p50: ${name}`)];
  const rows = overheadRows(parts).map((row) => {
    const [{ what, on, node }] = row;
    const trips = (name: ContenderName) => row.find(({ contender }) => contender === name)?.roundTrips;
    return [
      CALLS[what] ?? what,
      on,
      /\d+/.exec(node)?.[0] ?? node,
      ...cellsOf(row, 'cpuUs'),
      ...cellsOf(row, 'p50Ms'),
      [trips('plain'), trips('session')].flatMap((one) => one?.toFixed(1) ?? []).join(', '),
    ];
  });
  return table(['', 'on', 'Node', ...head, 'round trips: plain, this library'], rows);
}
