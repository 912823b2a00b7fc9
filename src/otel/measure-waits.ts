import type { Meter } from '@opentelemetry/api';
import { WAITS, type WaitMessage } from '../cluster/metrics/channels.js';

/**
 * What is measured as it happens, by those who listen to `nestjs-replicated:wait`: a histogram needs every value, and nothing
 * is kept while nothing listens. In seconds.
 */
export const WAIT_METRICS = [
  {
    for: 'replay',
    name: 'nestjs_replicated.wait.duration',
    unit: 's',
    help: 'How long reads have waited for a replica to replay what their clients have written.',
    labelNames: ['cluster', 'outcome'],
    // Up to consistency.maxWaitMs, which is 20 ms unless the options say otherwise.
    boundaries: [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  {
    for: 'permit',
    name: 'nestjs_replicated.fallback.wait.duration',
    unit: 's',
    help: 'How long reads of replica intent have waited for the primary to serve them.',
    labelNames: ['cluster'],
    // Up to monitor.connectTimeoutMs.
    boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10],
  },
] as const;

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
