/** One number, with what it is of. */
export interface MetricPoint {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Something that is measured. It stays valid: `points` are read from counters and snapshots each time that they are asked
 * for, and cost nothing meanwhile.
 */
export interface Metric {
  /** As OpenTelemetry writes names: `nestjs_replicated.node.lag`. */
  readonly name: string;
  /** A counter only grows, from 0 at the start of the process. */
  readonly kind: 'counter' | 'gauge';
  /** In UCUM, as OpenTelemetry has it: `s`, `By`, `{query}`; empty: none. */
  readonly unit: string;
  readonly help: string;
  /** The labels of every point. */
  readonly labelNames: readonly string[];
  readonly points: readonly MetricPoint[];
}

/** How a metric is made. */
export interface MetricDefinition<Source> {
  readonly name: string;
  readonly kind: Metric['kind'];
  readonly unit: string;
  readonly help: string;
  /** Besides `cluster`. */
  readonly labels: readonly string[];
  /** The values of the labels, in their order, and the number. */
  readonly read: (source: Source) => Iterable<readonly [labels: readonly string[], value: number]>;
}

/** Makes metrics of a cluster, to be read whenever they are asked for. */
export function metricsOf<Source>(
  definitions: readonly MetricDefinition<Source>[],
  source: Source,
  cluster: string,
): readonly Metric[] {
  return definitions.map(({ name, kind, unit, help, labels, read }) => ({
    name,
    kind,
    unit,
    help,
    labelNames: ['cluster', ...labels],
    get points() {
      return Array.from(read(source), ([values, value]) => ({
        labels: Object.fromEntries([
          ['cluster', cluster],
          ...labels.map((label, index) => [label, values[index] ?? ''] as const),
        ]) as Record<string, string>,
        value,
      }));
    },
  }));
}
