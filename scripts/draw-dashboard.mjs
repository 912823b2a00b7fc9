// Draws docs/observability/dashboard.png: the panels of observability/grafana-dashboard.json, with what Prometheus has
// scraped of the sample application while a replica was paused, killed and revived. Takes three minutes; needs
// `prometheus` and a Chromium in PATH.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import * as vega from 'vega';
import { compile } from 'vega-lite';

const PROMETHEUS = 'http://127.0.0.1:9777';
const MINUTE = 60;
/** What happens, by the second. */
const FAULTS = [
  [30, 'replica-1', 'pause-replay'],
  [65, 'replica-1', 'resume-replay'],
  [80, 'replica-2', 'kill'],
  [115, 'replica-2', 'revive'],
];
const DURATION = 2.5 * MINUTE;
const COLUMN = 58;
const ROW = 30;
const FORMATS = { percentunit: '.0%', s: '~r', reqps: '~r', bytes: '~s', short: '~r' };
const STYLE = `
  body { margin: 0; font: 12px sans-serif; background: #fff; color: #222 }
  main { display: grid; grid-template-columns: repeat(24, ${COLUMN}px); gap: 0; padding: 10px }
  figure { margin: 4px; padding: 8px; border: 1px solid #ddd; border-radius: 4px; overflow: hidden }
  figcaption { margin-bottom: 6px; color: #555 } figcaption b { color: #111; font-size: 13px }
`;

const dashboard = JSON.parse(readFileSync('observability/grafana-dashboard.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
const children = [];
try {
  const url = await startGuestbook();
  await startPrometheus(new URL(url).host);
  const from = Date.now() / 1_000;
  await makeTraffic(url);
  const panels = [];
  for (const panel of dashboard.panels) panels.push(await draw(panel, from));
  await takePicture(panels.join('\n'));
} finally {
  for (const child of children) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}

function start(command, args, env = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  return child;
}

async function startGuestbook() {
  const child = start(process.execPath, ['--import', './scripts/run-sources.mjs', 'sample-app/main.ts'], {
    PORT: '3777',
  });
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /Listening at (\S+)/.exec(line) ?? [];
    if (url) return url.replace('localhost', '127.0.0.1');
  }
  throw new Error('The sample application did not start.');
}

async function startPrometheus(target) {
  const config = join(folder, 'prometheus.yml');
  const job = `- { job_name: guestbook, static_configs: [{ targets: ['${target}'] }] }`;
  writeFileSync(config, `global: { scrape_interval: 1s }\nscrape_configs:\n  ${job}\n`);
  start('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${new URL(PROMETHEUS).host}`,
  ]);
  while (
    !(await fetch(`${PROMETHEUS}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(100);
}

/** Five visitors who read, some who write, and faults. */
async function makeTraffic(url) {
  const end = Date.now() + DURATION * 1_000;
  const visitors = Array.from({ length: 5 }, async (_, number) => {
    let cookie = '';
    const send = async (path, fields) => {
      const body = fields && new URLSearchParams(fields);
      const response = await fetch(url + path, {
        method: fields ? 'POST' : 'GET',
        body,
        headers: { cookie },
        redirect: 'manual',
      });
      await response.arrayBuffer();
      const set = response.headers.getSetCookie().map((line) => line.split(';')[0]);
      const kept = cookie
        .split('; ')
        .filter((pair) => pair && !set.some((one) => one.split('=')[0] === pair.split('=')[0]));
      cookie = [...kept, ...set].join('; ');
    };
    await send('/sign-in', { name: `Visitor ${number}` });
    for (let turn = 0; Date.now() < end; turn++) {
      if (turn % 12 === number) await send('/posts', { text: 'Hello' });
      else if (turn % 9 === number) await send('/search', { text: 'Hello' });
      else await send('/');
      await sleep(80);
    }
  });
  const faults = FAULTS.map(async ([second, node, fault]) => {
    await sleep(second * 1_000);
    await fetch(`${url}/cluster/faults`, {
      method: 'POST',
      body: new URLSearchParams({ node, fault }),
      redirect: 'manual',
    });
  });
  await Promise.all([...visitors, ...faults]);
}

async function seriesOf({ expr, legendFormat }, from) {
  const query = expr.replaceAll(/"\$(cluster|instance)"/g, '".*"').replaceAll('$__rate_interval', '10s');
  const range = new URLSearchParams({ query, start: from, end: from + DURATION, step: '1' });
  const { data, error } = await (await fetch(`${PROMETHEUS}/api/v1/query_range?${range}`)).json();
  if (!data) throw new Error(`${query}: ${error}`);
  return data.result.flatMap(({ metric, values }) => {
    const name = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '');
    return values.map(([time, value]) => ({ name, time: time - from, value: Number(value) }));
  });
}

async function draw({ title, description, type, targets, gridPos, fieldConfig }, from) {
  const values = (await Promise.all(targets.map((target) => seriesOf(target, from)))).flat();
  const { unit, custom } = fieldConfig.defaults;
  const isTimeline = type === 'state-timeline';
  const isStacked = custom?.stacking?.mode === 'normal';
  const x = {
    field: 'time',
    type: 'quantitative',
    title: null,
    scale: { domain: [0, DURATION] },
    axis: { format: 'd', grid: false },
  };
  const lines = {
    mark: isStacked ? { type: 'area', opacity: 0.7 } : { type: 'line', strokeWidth: 1.5 },
    encoding: {
      x,
      y: {
        field: 'value',
        type: 'quantitative',
        title: null,
        stack: isStacked ? 'zero' : null,
        axis: { tickCount: 4, format: FORMATS[unit] ?? '~s' },
      },
      color: { field: 'name', type: 'nominal', title: null },
    },
  };
  const bars = {
    transform: [{ calculate: 'datum.time + 1', as: 'end' }],
    mark: { type: 'bar', height: { band: 0.7 } },
    encoding: {
      x,
      x2: { field: 'end' },
      y: { field: 'name', type: 'nominal', title: null },
      color: { field: 'name', type: 'nominal', legend: null },
    },
  };
  const specification = {
    width: gridPos.w * COLUMN - (isTimeline ? 190 : 70),
    height: gridPos.h * ROW - 110,
    data: { values },
    ...(isTimeline ? bars : lines),
    config: {
      view: { stroke: '#ddd' },
      legend: { orient: 'bottom', columns: gridPos.w > 8 ? 4 : 2, labelLimit: 260 },
      axis: { labelLimit: 170 },
    },
  };
  const svg = await new vega.View(vega.parse(compile(specification).spec), { renderer: 'none' }).toSVG();
  return `<figure style="grid-column: span ${gridPos.w}"><figcaption><b>${title}</b><br>${description}</figcaption>${svg}</figure>`;
}

async function takePicture(panels) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 24 * COLUMN + 40, height: 900 } });
    await page.setContent(`<style>${STYLE}</style><main>${panels}</main>`);
    mkdirSync('docs/observability', { recursive: true });
    await page.locator('main').screenshot({ path: 'docs/observability/dashboard.png' });
  } finally {
    await browser.close();
  }
}
