import type { Meter } from '@opentelemetry/api';
import { WAITS, type WaitMessage } from '../cluster/metrics/channels.js';
import { WAIT_METRICS } from '../cluster/metrics/wait-metrics.js';

/** Measures how long reads wait. */
export function measureWaits(meter: Meter, cluster: string): () => void {
  const histograms = new Map(
    WAIT_METRICS.map(({ for: subject, name, unit, help, boundaries }) => {
      const advice = { explicitBucketBoundaries: [...boundaries] };
      return [subject, meter.createHistogram(name, { description: help, unit, advice })];
    }),
  );
  const record = (message: unknown): void => {
    const { waitedMs, outcome = 'refused', ...wait } = message as WaitMessage;
    if (waitedMs === undefined || wait.cluster !== cluster) return;
    const labels = wait.for === 'replay' ? { cluster, outcome } : { cluster };
    histograms.get(wait.for)?.record(waitedMs / 1_000, labels);
  };
  const ends = [WAITS.end, WAITS.asyncEnd];
  for (const end of ends) end.subscribe(record);
  return () => {
    for (const end of ends) end.unsubscribe(record);
  };
}
