import { compile, type TopLevelSpec } from 'vega-lite';
import { parse, View } from 'vega';
import { VARIANTS } from '../app/variant.js';
import { hasUsualWrites } from '../parts/lag.js';
import { CAPACITY } from '../parts/scaling.js';
import type { Parts } from '../results.js';
import { cpuTimesPlain } from './http-ratios.js';
import { labelOf, labelOfServer } from './label.js';

type Rows = readonly Readonly<Record<string, string | number>>[];

const BASE = {
  background: 'white',
  padding: 12,
  width: 460,
  height: 240,
  config: { view: { stroke: null }, axis: { grid: true, gridColor: '#e5e7eb', domainColor: '#6b7280' } },
} as const;
/** Colours that colour-blind people tell apart (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

/** An SVG image of a chart. */
export async function draw(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

/** CPU time per GET, as bars beside the plain application's. */
export function overheadChart(http: Parts['http']): TopLevelSpec {
  const values = http
    .filter(({ request, node }) => request === 'GET' && node === http[0]?.node)
    .map((one) => ({
      what: labelOfServer(one),
      platform: one.platform,
      ratio: cpuTimesPlain(one, http).median,
    }));
  return {
    ...BASE,
    height: { step: 13 },
    title: 'CPU time of the server per one-query GET, plain TypeOrmModule = 1',
    data: { values },
    mark: { type: 'bar', tooltip: null },
    encoding: {
      y: { field: 'what', type: 'nominal', title: null, sort: null, axis: { labelLimit: 320 } },
      yOffset: { field: 'platform' },
      x: { field: 'ratio', type: 'quantitative', title: 'times the plain application' },
      color: { field: 'platform', title: null, scale: { range: COLOURS } },
    },
  };
}

/** One line per variant against the lag. */
function lagChart(title: string, y: string, values: Rows): TopLevelSpec {
  const names = [...new Set(values.map(({ variant }) => String(variant)))];
  return {
    ...BASE,
    title,
    data: { values: values as object[] },
    mark: { type: 'line', point: { size: 50 }, strokeWidth: 2.5 },
    encoding: {
      x: {
        field: 'lag',
        type: 'quantitative',
        title: 'apply delay of the replicas (ms)',
        scale: { type: 'symlog' },
        axis: { values: [...new Set(values.map(({ lag }) => Number(lag)))] },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: y,
      },
      color: {
        field: 'variant',
        title: null,
        sort: names,
        scale: { range: COLOURS },
        legend: { labelLimit: 320 },
      },
      strokeDash: { field: 'variant', sort: names, legend: null },
    },
  };
}

function ofPostgres(lag: Parts['lag']): Parts['lag'] {
  return lag.filter((one) => one.engine === 'PostgreSQL' && hasUsualWrites(one));
}

export function staleChart(lag: Parts['lag']): TopLevelSpec {
  const values = ofPostgres(lag).map((one) => ({
    variant: labelOf(one.variant),
    lag: one.lagMs,
    value: (1e6 * one.stale) / one.reads,
  }));
  return lagChart('Clients who do not see what they have just written', 'stale reads per million', values);
}

export function primaryReadsChart(lag: Parts['lag']): TopLevelSpec {
  const values = ofPostgres(lag).map((one) => ({
    variant: labelOf(one.variant),
    lag: one.lagMs,
    value: 100 * (1 - one.readsOnReplicas / one.reads),
  }));
  return lagChart('Reads that the primary has to serve', '% of the reads', values);
}

/** Reads per second against the number of replicas, with what the capacity of the nodes allows. */
export function scalingChart(scaling: Parts['scaling']): TopLevelSpec {
  const ours = scaling.filter(({ variant }) => variant === 'session');
  const writes = (share: number) => `${Math.round(100 * share)} % writes`;
  const values = ours.flatMap(({ replicas, writeShare, readsPerSecond, idealReadsPerSecond }) => [
    { replicas, writes: writes(writeShare), kind: `(${VARIANTS.session}) measured`, reads: readsPerSecond },
    { replicas, writes: writes(writeShare), kind: 'ideal', reads: idealReadsPerSecond },
  ]);
  return {
    ...BASE,
    title: `Reads per second, each node good for ${CAPACITY.slots} queries at a time of ${CAPACITY.serviceMs} ms each`,
    data: { values },
    mark: { type: 'line', point: true, strokeWidth: 2 },
    encoding: {
      x: { field: 'replicas', type: 'quantitative', axis: { values: [0, 1, 2, 3, 4], format: 'd' } },
      y: { field: 'reads', type: 'quantitative', title: 'reads per second' },
      color: { field: 'writes', title: null, sort: null, scale: { range: COLOURS } },
      strokeDash: { field: 'kind', title: null, sort: ['(d) measured', 'ideal'] },
    },
  };
}
