import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { describeMachine, describeVersions } from './measure/describe-machine.js';
import { measureCalls } from './parts/calls.js';
import { measureFaults } from './parts/faults.js';
import { measureGuarantee } from './parts/guarantee.js';
import { measureHttp } from './parts/http.js';
import { measureLag } from './parts/lag.js';
import { measureNoReplicas } from './parts/no-replicas.js';
import { measureScaling } from './parts/scaling.js';
import { measureShare } from './parts/share.js';
import { measureStart } from './parts/start.js';
import { measureWait } from './parts/wait.js';
import { measureUnits } from './parts/units.js';
import { writePage } from './page/write-page.js';
import type { PartName, Parts, Results } from './results.js';
import { SIZES, type Mode, type Sizes } from './sizes.js';

const USAGE = `npm run bench -- [options]
  --short        a look, a few minutes (default: full, for publication)
  --tiny         seconds: proves that it runs, measures nothing
  --only=A,B     only these parts: calls, http, share, guarantee, lag, wait, faults, scaling, units, start, no-replicas; the others stay as they are
  (calls, lag and faults run on PostgreSQL and, where the machine has a server of it, on MariaDB)
  --node=PATH    measure calls, http, share and guarantee with this Node as well; may be repeated
  --out=FOLDER   where BENCHMARKS.md and docs/benchmarks go (default: here)
  --page         measure nothing, write the page from the results kept`;

const { values } = parseArgs({
  options: {
    short: { type: 'boolean' },
    tiny: { type: 'boolean' },
    page: { type: 'boolean' },
    help: { type: 'boolean' },
    only: { type: 'string' },
    node: { type: 'string', multiple: true },
    out: { type: 'string', default: '.' },
  },
});

/** This one, and those of `--node`. */
const nodes = [undefined, ...(values.node ?? [])];

type Measure = { readonly [Name in PartName]: (sizes: Sizes) => Promise<Parts[Name]> };
const MEASURE: Measure = {
  calls: (sizes) => measureCalls(sizes, nodes),
  http: (sizes) => measureHttp(sizes, nodes),
  share: (sizes) => measureShare(sizes, nodes),
  guarantee: (sizes) => measureGuarantee(sizes, nodes),
  lag: measureLag,
  wait: measureWait,
  faults: measureFaults,
  scaling: measureScaling,
  units: measureUnits,
  start: measureStart,
  'no-replicas': measureNoReplicas,
};

/** Later, the load is the benchmark's own. */
const [loadBefore = 0] = loadavg();
const mode: Mode = values.tiny ? 'tiny' : values.short ? 'short' : 'full';
const file = join(values.out, 'docs/benchmarks/results.json');

if (values.help) console.log(USAGE);
else await run();

async function run(): Promise<void> {
  mkdirSync(join(values.out, 'docs/benchmarks'), { recursive: true });
  if (!values.page) for (const name of partsToMeasure()) await save(await measure(name, load()));
  await writePage(load(), values.out);
}

function partsToMeasure(): readonly PartName[] {
  const all = Object.keys(MEASURE) as PartName[];
  const wanted = values.only?.split(',') ?? all;
  const unknown = wanted.filter((name) => !all.includes(name as PartName));
  if (unknown.length > 0)
    throw new Error(`No such part: ${unknown.join(', ')}. There are ${all.join(', ')}.`);
  return all.filter((name) => wanted.includes(name));
}

async function measure<Name extends PartName>(name: Name, before: Results): Promise<Results> {
  const startedAtMs = performance.now();
  console.log(`${name} ...`);
  const result = await MEASURE[name](SIZES[mode]);
  const minutes = (performance.now() - startedAtMs) / 60_000;
  console.log(`${name}: ${minutes.toFixed(1)} min`);
  // Where the page went, and where another Node is kept, is nobody's business.
  const options = [
    ...(mode === 'full' ? [] : [`--${mode}`]),
    ...(values.only === undefined ? [] : [`--only=${values.only}`]),
    ...(values.node ?? []).map(() => '--node=PATH'),
  ];
  const command = ['npm run bench', ...(options.length > 0 ? ['--', ...options] : [])].join(' ');
  const circumstances = { mode, date: new Date().toISOString(), command, minutes, loadBefore };
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
