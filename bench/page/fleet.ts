import type { Parts } from '../results.js';
import { count, percent, table } from './markdown.js';

const REPLICAS = 5;
const INTERVAL_MS = 1_000;
const POOL = 10;
/** Half of the primary's pool, for reads that no replica can serve. */
const FALLBACK = POOL / 2;
const ASKS_PER_SECOND = 1_000 / 20;
/** Of one instance, for the computation. */
const REQUESTS_PER_SECOND = 100;
const WRITE_SHARE = 0.1;

/** What many instances mean together, computed from the measured unit costs. */
export function fleetSection({ probeUs }: Parts['units'], lag: Parts['lag'] | undefined): string {
  const cookieBytes = Math.max(
    0,
    ...(lag ?? []).filter(({ variant }) => variant === 'session').map((one) => one.cookieBytes),
  );
  const rows = [40, 1_000].map((instances) => {
    const probes = (instances * 1000) / INTERVAL_MS;
    const asks = instances * Math.min(ASKS_PER_SECOND, REQUESTS_PER_SECOND * WRITE_SHARE);
    return [
      count(instances),
      count(probes),
      `${count(asks)} (at most ${count(instances * ASKS_PER_SECOND)})`,
      percent(((probes + asks) * probeUs) / 1e6, 0),
      count(instances * (POOL + 1)),
      count(instances * (POOL + FALLBACK + 1)),
      `${count((instances * REQUESTS_PER_SECOND * cookieBytes) / 1024)} KiB`,
    ];
  });
  const head = [
    'instances',
    'probes/s per node',
    'asks/s per replica',
    'CPU of a node for both',
    'connections per replica',
    'connections to the primary',
    'token bytes/s, all clients',
  ];
  return `### What ${REPLICAS} replicas and many instances mean

Computed: every instance probes every node once per ${count(INTERVAL_MS)} ms and, when a client's token is newer than what is known, asks the replicas at most once per 20 ms and node, however many requests wait. Assumed: ${REQUESTS_PER_SECOND} requests per second and instance, ${percent(WRITE_SHARE, 0)} of them writing and then reading at once, pools of ${POOL}, every client with a live token. Measured: ${count(probeUs)} µs of a server's time per probe or ask, ${count(cookieBytes)} bytes of cookie per request.

${table(head, rows)}

The next limit is the number of connections: 40 instances are beyond PostgreSQL's default of 100, a setting; 1,000 need a pooler in front of every node or pools of one or two. After that come the probes and asks of so many processes: raise \`monitor.intervalMs\`, or run fewer, larger instances.`;
}
