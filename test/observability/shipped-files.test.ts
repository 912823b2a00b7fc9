import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterMetrics, type MetricsSource } from '../../src/cluster/metrics/cluster-metrics.js';
import { WAIT_METRICS } from '../../src/otel/measure-waits.js';
import { startGuestbook, type Guestbook } from '../sample-app/guestbook.js';
import { findPromtool, startPrometheus } from './prometheus.js';

const FOLDER = fileURLToPath(new URL('../../observability/', import.meta.url));
const promtool = findPromtool(process.env);
if (promtool === undefined) {
  console.warn('No promtool in PATH (Debian: prometheus): the tests with Prometheus itself are left out.');
}
const withPrometheus = promtool === undefined ? it.skip : it;

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly description: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

/** The labels of every metric, as Prometheus writes names. */
function labelsByName(): ReadonlyMap<string, readonly string[]> {
  const plain = (name: string) => name.replaceAll('.', '_');
  // Nothing is read until points are asked for.
  const counted = clusterMetrics({} as MetricsSource, 'default', { pools: true }).map(
    ({ name, kind, labelNames }) =>
      [`${plain(name)}${kind === 'counter' ? '_total' : ''}`, labelNames.map(plain)] as const,
  );
  const waits = WAIT_METRICS.flatMap(({ name, labelNames }) =>
    ['_bucket', '_sum', '_count'].map((part) => [`${plain(name)}${part}`, [...labelNames, 'le']] as const),
  );
  return new Map<string, readonly string[]>([...counted, ...waits]);
}

/** Every selector of an expression: the name of its metric, and the labels that it asks for. */
function selectorsOf(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const named = [...expression.matchAll(/\b((?:nestjs_replicated|db_client)_[a-z_]+)(?:\{([^}]*)\})?/g)];
  return named.flatMap(([whole, name = '', matchers = '']) =>
    whole.endsWith('_name') || whole.endsWith('_state') ? [] : [{ name, labels: labelsIn(matchers) }],
  );
}

function labelsIn(matchers: string): readonly string[] {
  return [...matchers.matchAll(/([a-z_]+)(?==|!)/g)].flatMap(([, label = '']) =>
    label.startsWith('__') ? [] : [label],
  );
}

/** `{__name__=~"x(_seconds)?"}`, which stands for what each exporter makes of a unit, as `x`. */
const withoutUnits = (expression: string): string =>
  expression.replaceAll(/\{__name__=~"([a-z_]+)\(_seconds\)\?([a-z_]*)"(?:,([^}]*))?\}/g, '$1$2{$3}');

describe('the files that are shipped for Prometheus and Grafana', () => {
  let dashboard: Dashboard;
  let expressions: readonly (readonly [where: string, expression: string])[];
  beforeAll(async () => {
    dashboard = JSON.parse(await readFile(join(FOLDER, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
    const alerts = await readFile(join(FOLDER, 'prometheus-alerts.yml'), 'utf8');
    const rules = [...alerts.matchAll(/alert: (\w+)\n\s+expr: (?:>-\n)?((?:.+\n)+?)\s+(?:for|labels):/g)];
    expressions = [
      ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
      ...rules.map(([, alert = '', expression = '']) => [alert, expression] as const),
    ];
    expect(rules).toHaveLength(alerts.match(/alert: /g)?.length ?? 0);
  });

  it('name metrics and labels that the code has', () => {
    const known = labelsByName();
    for (const [where, expression] of expressions) {
      const selectors = selectorsOf(withoutUnits(expression));
      expect({ where, isEmpty: selectors.length === 0 }).toEqual({ where, isEmpty: false });
      for (const { name, labels } of selectors) {
        expect({ where, name, isKnown: known.has(name) }).toEqual({ where, name, isKnown: true });
        const allowed = new Set([...(known.get(name) ?? []), 'instance', 'job']);
        expect({ where, unknown: labels.filter((label) => !allowed.has(label)) }).toEqual({
          where,
          unknown: [],
        });
      }
    }
  });

  it('leave out no metric', () => {
    const used = new Set(
      expressions.flatMap(([, text]) => selectorsOf(withoutUnits(text))).map(({ name }) => name),
    );
    const unused = [...labelsByName().keys()].filter(
      (name) => !used.has(name) && !/_(sum|count)$/.test(name),
    );
    expect(unused).toEqual([]);
  });

  it('ask a question with each panel, which docs/observability.md has, too', async () => {
    const docs = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    for (const { title, description } of dashboard.panels)
      expect(docs.replaceAll(/\s+/g, ' ')).toContain(`**${title}**: ${description}`);
  });

  withPrometheus('are accepted by promtool', () => {
    const rules = join(FOLDER, 'prometheus-alerts.yml');
    expect(execFileSync(promtool ?? '', ['check', 'rules', rules], { encoding: 'utf8' })).toMatch(
      /SUCCESS: \d+ rules found/,
    );
  });

  describe('with a Prometheus that scrapes the sample application', () => {
    let guestbook: Guestbook;
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
      guestbook = await startGuestbook();
    });
    afterAll(async () => {
      await guestbook.stop();
      await rm(folder, { recursive: true, force: true });
    });

    withPrometheus('has an answer to every expression', async () => {
      const visitor = guestbook.visitor();
      const config = join(folder, 'prometheus.yml');
      await writeFile(config, configurationFor(new URL(guestbook.url).host));
      const prometheus = await startPrometheus(folder, config);
      try {
        await visitor.signIn('Ada');
        await prometheus.scrapes(2, () => visitor.get('/'));
        for (const [where, expression] of expressions) {
          const answer = await prometheus.query(
            expression.replaceAll(/"\$(cluster|instance)"/g, '".*"').replaceAll('$__rate_interval', '30s'),
          );
          expect({ where, status: answer.status }).toEqual({ where, status: 'success' });
        }
        const routes = await prometheus.query('sum(nestjs_replicated_routes_total)');
        expect(Number(routes.data.result[0]?.value[1])).toBeGreaterThan(1);
      } finally {
        await prometheus.stop();
      }
    });
  });
});

function configurationFor(target: string): string {
  return `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${join(FOLDER, 'prometheus-alerts.yml')}']
scrape_configs:
  - job_name: guestbook
    static_configs: [{ targets: ['${target}'] }]
`;
}
