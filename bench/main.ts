import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { describeMachine, describeVersions } from './measure/describe-machine.js';
import { QUIET_SHARE, shareOfOthers } from './measure/quiet.js';
import { missedGoals } from './page/goals.js';
import { writePage } from './page/write-page.js';
import { measureCalls } from './parts/calls.js';
import { measureFaults } from './parts/faults.js';
import { measureFleet } from './parts/fleet.js';
import { measureRequests } from './parts/requests.js';
import { measureScaling } from './parts/scaling.js';
import { measureStart } from './parts/start.js';
import { measureLag, measureWait } from './parts/visits.js';
import type { PartName, Parts, Results } from './results.js';
import { SIZES, type Mode, type Sizes } from './sizes.js';

const USAGE = `npm run bench -- [options]
  --short        a look, some minutes (default: full, for publication)
  --tiny         seconds: proves that it runs, measures nothing
  --only=A,B     only these parts: calls, requests (or share), lag, scaling, faults, wait, fleet, start; the others stay as they are
  (calls, lag and faults run on PostgreSQL and, where the machine has a server of it, on MariaDB)
  --node=PATH    measure calls and requests with this Node as well; may be repeated
  --out=FOLDER   where BENCHMARKS.md and docs/benchmarks go (default: here)
  --page         measure nothing, write the page from the results kept

Ends with exit code 1 when a goal was missed while the machine was quiet.`;

const flag = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const flags = { short: flag, tiny: flag, page: flag, help: flag };
const texts = { only: text, node: { ...text, multiple: true }, out: { ...text, default: '.' } } as const;
const { values } = parseArgs({ options: { ...flags, ...texts } });

/** This one, and those of `--node`. */
const nodes = [undefined, ...(values.node ?? [])];

type Measure = { readonly [Name in PartName]: (sizes: Sizes) => Promise<Parts[Name]> };
const MEASURE: Measure = {
  calls: (sizes) => measureCalls(sizes, nodes),
  requests: (sizes) => measureRequests(sizes, nodes),
  lag: measureLag,
  scaling: measureScaling,
  faults: measureFaults,
  wait: measureWait,
  fleet: measureFleet,
  start: measureStart,
};
/** Rows of the requests that were parts of their own. */
const IN_REQUESTS = new Set(['http', 'share', 'guarantee', 'no-replicas']);

const mode: Mode = values.tiny ? 'tiny' : values.short ? 'short' : 'full';
const file = join(values.out, 'docs/benchmarks/results.json');

if (values.help) console.log(USAGE);
else await run();

async function run(): Promise<void> {
  mkdirSync(join(values.out, 'docs/benchmarks'), { recursive: true });
  const wanted = values.page ? [] : partsToMeasure();
  for (const name of wanted) await save(await measure(name, load()));
  const results = load();
  await writePage(results, values.out);
  const missed = mode === 'tiny' ? [] : missedGoals(results, wanted);
  for (const { what, measured, atMost, atLeast } of missed)
    console.error(`Missed: ${what}: ${measured.toFixed(3)}, not ${atMost ?? atLeast}`);
  if (missed.length > 0) process.exitCode = 1;
}

function partsToMeasure(): readonly PartName[] {
  const all = Object.keys(MEASURE) as PartName[];
  const wanted = values.only?.split(',').map((name) => (IN_REQUESTS.has(name) ? 'requests' : name)) ?? all;
  const unknown = wanted.filter((name) => !all.includes(name as PartName));
  if (unknown.length > 0) throw new Error(`No such part: ${unknown}. There are ${all.join(', ')}.`);
  return all.filter((name) => wanted.includes(name));
}

async function measure<Name extends PartName>(name: Name, before: Results): Promise<Results> {
  const busyBefore = await shareOfOthers();
  const startedAtMs = performance.now();
  console.log(`${name} ...`);
  const result = await MEASURE[name](SIZES[mode]);
  const minutes = (performance.now() - startedAtMs) / 60_000;
  const othersBusy = Math.max(busyBefore, await shareOfOthers());
  const noise = othersBusy > QUIET_SHARE ? ', beside other programs: no goal is judged' : '';
  console.log(`${name}: ${minutes.toFixed(1)} min${noise}`);
  const circumstances = { mode, date: new Date().toISOString(), minutes, othersBusy };
  return {
    machine: describeMachine(),
    versions: describeVersions(),
    circumstances: { ...before.circumstances, [name]: circumstances },
    parts: { ...before.parts, [name]: result },
  };
}

function load(): Results {
  const empty: Results = { machine: {}, versions: {}, circumstances: {}, parts: {} };
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : empty;
}

async function save(results: Results): Promise<void> {
  const style = await resolveConfig(file);
  writeFileSync(file, await format(JSON.stringify(results), { ...style, parser: 'json' }));
}
