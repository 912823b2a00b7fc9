import { compile, type TopLevelSpec } from 'vega-lite';
import { parse, View } from 'vega';
import { VARIANTS } from '../app/variant.js';
import { hasUsualWrites } from '../sizes.js';
import { CAPACITY } from '../parts/scaling.js';
import type { Parts } from '../results.js';

const BASE = {
  background: 'white',
  padding: 12,
  width: 460,
  height: 240,
  config: { view: { stroke: null }, axis: { grid: true, gridColor: '#e5e7eb', domainColor: '#6b7280' } },
} as const;
/** Colours that colour-blind people tell apart (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

export async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

export function staleChart(lag: Parts['lag']): TopLevelSpec {
  const some = lag.filter((one) => one.engine === 'PostgreSQL' && hasUsualWrites(one));
  const names = [...new Set(some.map(({ variant }) => VARIANTS[variant]))];
  const axis = { values: [...new Set(some.map(({ lagMs }) => lagMs))] };
  const values = some.map(({ variant, lagMs: lag, stale, reads }) => {
    return { variant: VARIANTS[variant], lag, value: (1e6 * stale) / reads };
  });
  return {
    ...BASE,
    title: 'Clients who do not see what they have just written (PostgreSQL)',
    data: { values },
    mark: { type: 'line', point: { size: 50 }, strokeWidth: 2.5 },
    encoding: {
      x: { field: 'lag', type: 'quantitative', title: 'lag (ms)', scale: { type: 'symlog' }, axis },
      y: { field: 'value', type: 'quantitative', title: 'stale reads per million' },
      color: { field: 'variant', title: null, sort: names, scale: { range: COLOURS } },
      strokeDash: { field: 'variant', sort: names, legend: null },
    },
  };
}

/** Reads per second against the number of replicas, with what the capacity of the nodes allows. */
export function scalingChart(scaling: Parts['scaling']): TopLevelSpec {
  const ours = scaling.filter(({ variant }) => variant === 'session');
  const values = ours.flatMap(({ replicas, writeShare, readsPerSecond, idealReadsPerSecond }) => {
    const one = { replicas, writes: `${Math.round(100 * writeShare)} % writes` };
    const measured = { ...one, kind: 'measured', reads: readsPerSecond };
    return [measured, { ...one, kind: 'ideal', reads: idealReadsPerSecond }];
  });
  return {
    ...BASE,
    title: `Reads per second, each node good for ${CAPACITY.slots} queries at a time of ${CAPACITY.serviceMs} ms each`,
    data: { values },
    mark: { type: 'line', point: true, strokeWidth: 2 },
    encoding: {
      x: { field: 'replicas', type: 'quantitative', axis: { values: [0, 1, 2, 3, 4], format: 'd' } },
      y: { field: 'reads', type: 'quantitative', title: 'reads per second' },
      color: { field: 'writes', title: null, sort: null, scale: { range: COLOURS } },
      strokeDash: { field: 'kind', title: null, sort: ['measured', 'ideal'] },
    },
  };
}
