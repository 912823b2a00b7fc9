import type { Attributes, Meter, Observable, ObservableResult } from '@opentelemetry/api';
import type { Metric } from '../cluster/metrics/metric.js';

/** Makes instruments that read the metrics when they are collected. */
export function observeMetrics(meter: Meter, metrics: readonly Metric[]): () => void {
  const stops = metrics.map((metric) => {
    const instrument = createInstrument(meter, metric);
    const observe = observerOf(metric);
    instrument.addCallback(observe);
    return () => instrument.removeCallback(observe);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function createInstrument(meter: Meter, { name, kind, unit, help }: Metric): Observable {
  const options = { description: help, unit };
  if (kind === 'counter') return meter.createObservableCounter(name, options);
  // Connections of several instances add up.
  return name.startsWith('db.client.connection.')
    ? meter.createObservableUpDownCounter(name, options)
    : meter.createObservableGauge(name, options);
}

/**
 * The SDK goes on to tell the last value of what is not observed any more: the lag of a replica that has died, the state of
 * a node in a role that it had. So each gauge ends what it has told before.
 */
function observerOf(metric: Metric): (result: ObservableResult) => void {
  const absent = MEASURES.has(metric.unit) ? NaN : 0;
  let told = new Map<string, Attributes>();
  return (result) => {
    const now = new Map<string, Attributes>();
    for (const { labels, value } of metric.points) {
      now.set(Object.values(labels).join('\n'), labels);
      result.observe(value, labels);
    }
    if (metric.kind === 'counter') return;
    for (const [key, labels] of told) if (!now.has(key)) result.observe(absent, labels);
    told = now;
  };
}

/** Units of what is not known when it is missing; of all else there is none. */
const MEASURES: ReadonlySet<string> = new Set(['s', 'By']);
