import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { instrumentReplication } from 'nestjs-replicated/otel';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres } from '../support/database.js';
import { startSeededCluster } from '../support/open-app.js';
import { startObservedSite, type ObservedSite } from './observed-site.js';

describe('nestjs-replicated/otel', () => {
  let nodes: PostgresCluster;
  let site: ObservedSite;
  let spans: InMemorySpanExporter;
  let tracerProvider: NodeTracerProvider;
  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    nodes = await startSeededCluster(2);
  });
  afterAll(async () => {
    context.disable();
    await nodes.stop();
  });
  beforeEach(async () => {
    spans = new InMemorySpanExporter();
    tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
    site = await startObservedSite(nodes, {}, { configure: (app) => app.use(inSpan) });
    await waitUntil(async () => site.cluster.nodes.every(({ state }) => state === 'usable'));
  });
  afterEach(async () => {
    await site.app.close();
    await tracerProvider.shutdown();
    for (const replica of nodes.replicas) {
      if (replica.state === 'stopped') await replica.start();
      await replica.resumeReplay();
    }
    await nodes.waitForReplication();
  });

  /** What an instrumentation of HTTP does. */
  function inSpan(
    request: { readonly method: string },
    response: NodeJS.EventEmitter,
    next: () => void,
  ): void {
    const span = tracerProvider.getTracer('test').startSpan(request.method);
    response.once('close', () => span.end());
    context.with(trace.setSpan(context.active(), span), next);
  }

  /** Traffic that leaves something in every metric. */
  async function makeTraffic(): Promise<void> {
    const client = site.client();
    for (let times = 0; times < 5; times++) await client();
    for (const replica of nodes.replicas) await replica.pauseReplay();
    await client('', { method: 'POST' });
    for (const path of ['', '/stale', '/writes', '']) await client(path);
  }

  const finished = (name: string): readonly ReadableSpan[] =>
    spans.getFinishedSpans().filter((span) => span.name === name);

  it('gives a reader every metric of the cluster, and the waits', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const stop = instrumentReplication(site.cluster, { meterProvider, tracerProvider, pools: true });
    await makeTraffic();
    await reader.forceFlush();
    const metrics =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
    const isKnown = (name: string) => isPostgres || !name.endsWith('.lag.bytes');
    const expected = site.cluster
      .metrics({ pools: true })
      .map(({ name }) => name)
      .filter(isKnown);
    expect(metrics.map(({ descriptor }) => descriptor.name).toSorted()).toEqual(
      [...expected, 'nestjs_replicated.wait.duration', 'nestjs_replicated.fallback.wait.duration'].toSorted(),
    );
    for (const { descriptor, dataPoints } of metrics)
      expect({ name: descriptor.name, points: dataPoints.length > 0 }).toEqual({
        name: descriptor.name,
        points: true,
      });
    await meterProvider.shutdown();
    stop();
  });

  it('is scraped by Prometheus over HTTP', async () => {
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const meterProvider = new MeterProvider({ readers: [exporter] });
    const stop = instrumentReplication(site.cluster, { meterProvider, tracerProvider });
    await makeTraffic();
    const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const text = await scrape();
    expect(text).toMatch(/^nestjs_replicated_routes_total\{cluster="default",role="primary",.*\} \d+$/m);
    expect(text).toMatch(/^nestjs_replicated_wait_duration_bucket\{.*outcome="primary".*le="0.02".*\} \d+$/m);
    expect(text).toMatch(/^nestjs_replicated_node_lag\{cluster="default",node="replica-1".*\} [\d.]+$/m);
    expect(text).not.toMatch(/^db_client_/m);
    await nodes.replicas[0]?.kill();
    await waitUntil(async () => site.cluster.nodes[1]?.state === 'unreachable');
    expect(await scrape()).toMatch(
      /^nestjs_replicated_node_lag\{cluster="default",node="replica-1".*\} NaN$/m,
    );
    const queries = (await scrape()).match(/^nestjs_replicated_routes_total.*/gm);
    stop();
    await site.client()();
    expect((await scrape()).match(/^nestjs_replicated_routes_total.*/gm)).toEqual(queries);
    server.close();
    await meterProvider.shutdown();
  });

  it('puts the route, waits and refused writes into traces, and makes no spans of queries', async () => {
    const stop = instrumentReplication(site.cluster, { tracerProvider });
    await makeTraffic();
    await waitUntil(async () => finished('GET').length === 9);
    const [first] = finished('GET');
    expect(first?.attributes).toMatchObject({
      'nestjs_replicated.cluster': 'default',
      'nestjs_replicated.role': 'replica',
      'nestjs_replicated.reason': 'read-method',
    });
    const [wait] = finished('nestjs_replicated.wait');
    expect(wait?.attributes).toMatchObject({
      'nestjs_replicated.wait.for': 'replay',
      'nestjs_replicated.wait.outcome': 'primary',
    });
    expect(wait?.duration[1]).toBeGreaterThan(15_000_000);
    const parent = finished('GET').find(
      (span) => span.spanContext().spanId === wait?.parentSpanContext?.spanId,
    );
    expect(parent?.attributes['nestjs_replicated.reason']).toBe('behind-token');
    const events = finished('GET').flatMap((span) => span.events.map(({ name }) => name));
    expect(events).toEqual(['nestjs_replicated.refused_write']);
    const names = new Set(spans.getFinishedSpans().map(({ name }) => name));
    expect([...names].toSorted()).toEqual(['GET', 'POST', 'nestjs_replicated.wait']);
    stop();
  });
});
