import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { QUIET_SHARE } from '../measure/quiet.js';
import type { Circumstances, PartName, Parts, Results } from '../results.js';
import { draw, scalingChart, staleChart } from './charts.js';
import { overheadTable } from './overhead.js';
import * as sections from './sections.js';

/** Writes BENCHMARKS.md and the charts beside it. */
export async function writePage(results: Results, folder: string): Promise<void> {
  mkdirSync(join(folder, 'docs/benchmarks'), { recursive: true });
  const { lag, scaling } = results.parts;
  for (const [name, spec] of [
    ['stale-reads', lag && staleChart(lag)],
    ['scaling', scaling && scalingChart(scaling)],
  ] as const)
    if (spec) writeFileSync(join(folder, `docs/benchmarks/${name}.svg`), `${await draw(spec)}\n`);
  const page = await format(pageOf(results), { parser: 'markdown' });
  writeFileSync(join(folder, 'BENCHMARKS.md'), page);
}

function pageOf(results: Results): string {
  const { parts } = results;
  const section = <Name extends PartName>(
    title: string,
    name: Name,
    write: (part: NonNullable<Partial<Parts>[Name]>) => string,
  ) => `## ${title}\n\n${parts[name] ? write(parts[name]) : notMeasured(name)}`;
  return [
    METHOD,
    circumstancesOf(results),
    `## Overhead\n\n${OVERHEAD}`,
    ...(['calls', 'requests'] as const).filter((name) => !parts[name]).map(notMeasured),
    ...(parts.calls || parts.requests ? [overheadTable(parts)] : []),
    section('Stale reads', 'lag', sections.lagSection),
    section('Scaling out', 'scaling', sections.scalingSection),
    section('Faults', 'faults', sections.faultsSection),
    section('The wait for a replica', 'wait', sections.waitSection),
    section('Many instances, on paper', 'fleet', sections.fleetSection),
    section('Without replicas', 'start', sections.startSection),
  ].join('\n\n');
}

function notMeasured(part: PartName): string {
  return `Not measured yet: \`npm run bench -- --only=${part}\` does.`;
}

const METHOD = `# Benchmarks

Written by \`npm run bench\` (\`-- --short\`: a look of some minutes; \`-- --help\`) from what it measures on real servers, kept in [results.json](docs/benchmarks/results.json) with more variants than this page shows. The same entities, queries and controllers run on plain TypeORM and on this library, each in a process of its own, in turns of short slices. Of each start of the processes counts what its least disturbed tenth of the slices does not exceed; a ratio is to plain TypeORM: the median over the starts, and its quartiles. **Plain again** is the same application a second time: where it differs from plain by more than what is compared does, the cell says "not measurable here". Trust ratios and counts; absolute times are this machine's. A short run ends while functions are still being compiled: its CPU and p50 say little.`;

const OVERHEAD =
  "The platform's share is plain TypeORM with what every router needs, doing nothing: AsyncLocalStorage, and in requests an empty guard. Each application reads one server. A GET makes one query, a POST one autocommit insert; the token is of a write that the replica has. TypeORM's `save` is a transaction; on MariaDB its `insert` asks for the row, and our position costs a query.";

/** What was measured when, and whether other programs disturbed. */
function circumstancesOf({ machine, versions, circumstances }: Results): string {
  const all = Object.entries(circumstances) as [PartName, Circumstances][];
  if (all.length === 0) return 'Nothing is measured yet: `npm run bench` does.';
  const runs = new Map<string, PartName[]>();
  for (const [part, { mode, date }] of all) {
    const run = `${mode}, ${date.slice(0, 10)}`;
    runs.set(run, [...(runs.get(run) ?? []), part]);
  }
  const facts = Object.entries({ ...machine, ...versions }).map(([name, value]) => `${name} ${value}`);
  const measured = Array.from(runs, ([run, names]) => `${names.join(', ')} (${run})`);
  const text = `Machine and versions: ${facts.join(', ')}. Measured: ${measured.join('; ')}.`;
  const noisy = all.filter(([, { othersBusy }]) => othersBusy > QUIET_SHARE).map(([part]) => part);
  if (noisy.length === 0) return text;
  return `${text}\n\n> **Noisy**: other programs ran beside ${noisy.join(', ')}. Stale reads are counted all the same; times and failed requests say little.`;
}
