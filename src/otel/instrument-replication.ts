import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import { measureWaits } from './measure-waits.js';
import { observeMetrics } from './observe-metrics.js';
import { traceReplication } from './trace-replication.js';

/** Options of {@link instrumentReplication}. */
export interface InstrumentReplicationOptions {
  /** @default the global one, as it is when the function is called */
  readonly meterProvider?: MeterProvider;
  /** @default the global one, as it is when the function is called */
  readonly tracerProvider?: TracerProvider;
  /**
   * Tells of the connection pools, too, as `db.client.connection.*`. Drop those of instrumentation-pg then, which adds up
   * pools that have one name for it.
   * @default false
   */
  readonly pools?: boolean;
}

/**
 * Tells OpenTelemetry of a cluster. Metrics: all that `cluster.metrics()` has, and histograms of waits. Traces: a span for
 * each wait; role, node and reason of the last route, retries and refused writes on the span that is active. Queries
 * themselves have their spans from `@opentelemetry/instrumentation-pg`. Returns a function that ends it.
 *
 * ```ts
 * const stop = instrumentReplication(app.get(ReplicationCluster), { pools: true });
 * ```
 */
export function instrumentReplication(
  cluster: ReplicationCluster,
  options: InstrumentReplicationOptions = {},
): () => void {
  const { meterProvider = metrics.getMeterProvider(), tracerProvider = trace.getTracerProvider() } = options;
  const meter = meterProvider.getMeter(SCOPE);
  const stops = [
    observeMetrics(meter, cluster.metrics({ pools: options.pools ?? false })),
    measureWaits(meter, cluster.name),
    traceReplication(tracerProvider.getTracer(SCOPE), cluster.name),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

const SCOPE = 'nestjs-replicated';
