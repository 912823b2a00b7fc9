import { context, trace } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { MySQL2Instrumentation } from '@opentelemetry/instrumentation-mysql2';
import { PgInstrumentation, type PgInstrumentationConfig } from '@opentelemetry/instrumentation-pg';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { InstrumentedNodes } from './calls.js';
import { AggregationType, MeterProvider, MetricReader, type ViewOptions } from '@opentelemetry/sdk-metrics';

// As a file of `node --import` would, before anything loads a driver.
const spans = new InMemorySpanExporter();
const tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
tracerProvider.register();
interface Arguments extends InstrumentedNodes {
  /** Of node-postgres. */
  readonly config: PgInstrumentationConfig;
}

/** Is asked, never by time. */
class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}
const reader = new Reader();
/** One pool has one set of gauges: ours. */
const views: ViewOptions[] = [
  {
    meterName: '@opentelemetry/instrumentation-pg',
    instrumentName: 'db.client.connection.*',
    aggregation: { type: AggregationType.DROP },
  },
];
const meterProvider = new MeterProvider({ readers: [reader], views });
const { config, ...nodes } = JSON.parse(process.argv[2] ?? '{}') as Arguments;
const instrumentations = [
  new PgInstrumentation({ requireParentSpan: true, ...config }),
  new MySQL2Instrumentation(),
];
registerInstrumentations({ tracerProvider, meterProvider, instrumentations });

const { checkCalls } = await import('./calls.js');
const inSpan = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
  const span = trace.getTracer('test').startSpan(name);
  try {
    return await context.with(trace.setSpan(context.active(), span), run);
  } finally {
    span.end();
  }
};
const collect = async () => (await reader.collect()).resourceMetrics;
const { calls, metrics } = await checkCalls(nodes, { meterProvider, tracerProvider, collect, inSpan });
const byTrace = spans.getFinishedSpans().map((span) => ({
  name: span.name,
  traceId: span.spanContext().traceId,
  statement: String(span.attributes['db.statement'] ?? span.attributes['db.query.text'] ?? ''),
}));
process.send?.({
  calls,
  spans: byTrace,
  metrics: metrics.scopeMetrics.flatMap(({ scope, metrics: all }) =>
    all.map(({ descriptor, dataPoints }) => ({
      scope: scope.name,
      name: descriptor.name,
      points: dataPoints.length,
    })),
  ),
});
process.disconnect();
