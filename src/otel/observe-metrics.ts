import type { Meter, Observable, ObservableResult } from '@opentelemetry/api';
import type { Metric } from '../cluster/metrics/metric.js';

/** Makes instruments that read the metrics when they are collected. */
export function observeMetrics(meter: Meter, metrics: readonly Metric[]): () => void {
  const stops = metrics.map((metric) => {
    const instrument = createInstrument(meter, metric);
    const observe = (result: ObservableResult): void => {
      for (const { labels, value } of metric.points) result.observe(value, labels);
    };
    instrument.addCallback(observe);
    return () => instrument.removeCallback(observe);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function createInstrument(meter: Meter, { name, kind, unit, help }: Metric): Observable {
  const options = { description: help, unit };
  return kind === 'counter'
    ? meter.createObservableCounter(name, options)
    : // Connections of several instances add up.
      name.startsWith(POOLS)
      ? meter.createObservableUpDownCounter(name, options)
      : meter.createObservableGauge(name, options);
}

const POOLS = 'db.client.connection.';
