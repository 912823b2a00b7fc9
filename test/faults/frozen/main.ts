import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { FaultApp } from '../fault-app.js';
import { Load, messagesOf } from '../load.js';

/** What the process tells of itself when asked. */
export interface Report {
  readonly requests: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly lost: readonly unknown[];
}

/** Reads and writes until its parent has asked for the report and disconnects. */
const [options = '{}'] = process.argv.slice(2);
const app = await FaultApp.start(JSON.parse(options) as ReplicatedModuleOptions);
await app.allServe();
const lost: unknown[] = [];
app.cluster.on('replicaEjected', (event) => lost.push(event));
app.cluster.on('primaryLost', (event) => lost.push(event));
const loads = [
  new Load(() => app.read(), { callers: 6, pauseMs: 0 }),
  new Load(() => app.read('SELECT count(*), pg_sleep(0.2) FROM note'), { callers: 2 }),
  new Load(() => app.write(), { callers: 2 }),
];
process.on('message', () => void report());
process.once('disconnect', () => void app.close());
process.send?.('started');

async function report(): Promise<void> {
  await loads[0]?.moreRequests(50);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  process.send?.({
    requests: reports.reduce((sum, { requests }) => sum + requests, 0),
    failures: messagesOf(reports.flatMap(({ failures }) => failures)),
    lost,
  } satisfies Report);
}
