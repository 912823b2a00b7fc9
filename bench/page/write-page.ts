import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import type { TopLevelSpec } from 'vega-lite';
import { DESCRIPTIONS, VARIANT_NAMES, VARIANTS } from '../app/variant.js';
import type { Parts, Results } from '../results.js';
import { draw, overheadChart, primaryReadsChart, scalingChart, staleChart } from './charts.js';
import { fleetSection } from './fleet.js';
import { judgeGoals } from './goals.js';
import { table } from './markdown.js';
import {
  callsSection,
  guaranteeSection,
  httpSection,
  noReplicasSection,
  shareSection,
  startSection,
} from './overhead-sections.js';
import { faultsSection, lagSection, scalingSection, unitsSection, waitSection } from './sections.js';

/** Writes BENCHMARKS.md and the charts beside it. */
export async function writePage(results: Results, folder: string): Promise<void> {
  mkdirSync(join(folder, 'docs/benchmarks'), { recursive: true });
  for (const [name, spec] of chartsOf(results.parts))
    writeFileSync(join(folder, `docs/benchmarks/${name}.svg`), `${await draw(spec)}\n`);
  const page = await format(pageOf(results), { parser: 'markdown' });
  writeFileSync(join(folder, 'BENCHMARKS.md'), page);
}

function chartsOf({ http, lag, scaling }: Partial<Parts>): readonly (readonly [string, TopLevelSpec])[] {
  return [
    ...(http ? [['overhead', overheadChart(http)] as const] : []),
    ...(lag
      ? [['stale-reads', staleChart(lag)] as const, ['primary-reads', primaryReadsChart(lag)] as const]
      : []),
    ...(scaling ? [['scaling', scalingChart(scaling)] as const] : []),
  ];
}

function pageOf({ machine, versions, circumstances, parts }: Results): string {
  const { calls, http, share, guarantee, start, lag, wait, scaling, faults, units } = parts;
  const { 'no-replicas': noReplicas } = parts;
  const describe = (facts: Readonly<Record<string, string>>) =>
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const measured = Object.entries(circumstances).map(([part, one]) => [
    part,
    one.mode,
    one.date.slice(0, 16).replace('T', ' '),
    one.minutes.toFixed(1),
    one.loadBefore.toFixed(1),
    `\`${one.command}\``,
  ]);
  const head = ['part', 'mode', 'date (UTC)', 'minutes', 'load average before', 'command'];
  return [
    INTRODUCTION,
    table(
      ['', 'variant'],
      VARIANT_NAMES.map((name) => [`(${VARIANTS[name]})`, DESCRIPTIONS[name]]),
    ),
    `Machine: ${describe(machine)}.\n\nVersions: ${describe(versions)}.`,
    table(head, measured),
    noiseOf({ machine, versions, circumstances, parts }),
    goalsOf(parts),
    (calls || http || start) && '## 1. Overhead',
    calls && callsSection(calls),
    http && httpSection(http),
    share && shareSection(share),
    guarantee && guaranteeSection(guarantee),
    start && startSection(start),
    noReplicas && noReplicasSection(noReplicas),
    lag && lagSection(lag),
    wait && waitSection(wait),
    scaling && scalingSection(scaling),
    faults && faultsSection(faults),
    units && unitsSection(units),
    units && fleetSection(units, lag),
  ]
    .filter((section) => section !== undefined && section !== '')
    .join('\n\n');
}

const INTRODUCTION = `# Benchmarks

How many reads stay on the replicas, how many are stale, how long ejection takes, what the routing costs. Everything here is written by one command from the raw results in [docs/benchmarks/results.json](docs/benchmarks/results.json):

\`\`\`sh
npm run bench             # full, more than an hour
npm run bench -- --short  # a look, some minutes
npm run bench -- --help
\`\`\`

Real PostgreSQL servers, and MariaDB servers where a table has a column for the database (type \`mariadb\`), on this machine: one primary, two replicas unless said otherwise. The same entities, queries and controllers in every variant. Variants are measured in alternation in the same run, so trust the ratios and the counts; absolute times are this machine's.`;

const UNTOLD =
  '"Cannot be told here": below its goal, but the plain application with parts that do nothing, which must cost as much as without them or a little more, came out as less than 0.95 or more than 1.3 of it, or what must cost more than (a) as less. The machine disturbed too much.';

function goalsOf(parts: Partial<Parts>): string {
  const rows = judgeGoals(parts).map(({ what, goal, measured, isMet, isUntold }) => [
    what,
    goal,
    measured,
    isMet ? (isUntold ? 'cannot be told here' : 'met') : '**missed**',
  ]);
  return rows.length === 0
    ? ''
    : `## Goals\n\n${UNTOLD}\n\n${table(['figure', 'goal', 'measured', ''], rows)}`;
}

/** Some of it is the build that precedes every run. */
const NOISY = 2;

/** A busy machine is said to be one. */
function noiseOf({ circumstances }: Results): string {
  const loads = Object.values(circumstances).map(({ loadBefore }) => loadBefore);
  const highest = Math.max(0, ...loads);
  if (highest < NOISY) return '';
  return `> **Noisy**: other programs were running on the machine (load average up to ${highest.toFixed(1)} before a command began). Counts hold; ratios of times may be off by several percent, and absolute times more.`;
}
