import { tracingChannel } from 'node:diagnostics_channel';
import type { ReplicationCluster, WaitMessage } from 'nestjs-replicated';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Adds what is measured of a cluster to a registry of prom-client. */
export function exposeReplication(cluster: ReplicationCluster, registry: Registry): void {
  for (const metric of cluster.metrics({ pools: true })) {
    const { help, kind } = metric;
    const labelNames = metric.labelNames.map(plain);
    function collect(this: Counter | Gauge): void {
      this.reset();
      for (const { labels, value } of metric.points) this.inc(plainLabels(labels), value);
    }
    const settings = { help, labelNames, registers: [], collect };
    const name = plain(metric.name);
    registry.registerMetric(
      kind === 'gauge'
        ? new Gauge({ name, ...settings })
        : new Counter({ name: `${name}_total`, ...settings }),
    );
  }
  exposeWaits(cluster, [registry]);
}

/** Histograms need every value, so they listen. */
function exposeWaits({ name: cluster }: ReplicationCluster, registers: Registry[]): void {
  const replay = new Histogram({
    name: 'nestjs_replicated_wait_duration',
    help: 'How long reads have waited for a replica to replay what their clients have written.',
    labelNames: ['cluster', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const permit = new Histogram({
    name: 'nestjs_replicated_fallback_wait_duration',
    help: 'How long reads of replica intent have waited for the primary to serve them.',
    labelNames: ['cluster'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10],
    registers,
  });
  const observe = (message: unknown): void => {
    const wait = message as WaitMessage;
    if (wait.waitedMs === undefined || wait.cluster !== cluster) return;
    const seconds = wait.waitedMs / 1_000;
    if (wait.for === 'permit') permit.observe({ cluster }, seconds);
    else replay.observe({ cluster, outcome: wait.outcome ?? 'refused' }, seconds);
  };
  const { end, asyncEnd } = tracingChannel('nestjs-replicated:wait');
  end.subscribe(observe);
  asyncEnd.subscribe(observe);
}

/** Prometheus has no dots in names. */
function plain(name: string): string {
  return name.replaceAll('.', '_');
}

function plainLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [plain(name), value]));
}
