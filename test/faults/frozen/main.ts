import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { SLEEP } from '../../support/database.js';
import { FaultApp } from '../fault-app.js';
import { Load, messagesOf } from '../load.js';

/** What the process tells of itself when asked. */
export interface Report {
  readonly failures: Readonly<Record<string, number>>;
  readonly lost: readonly unknown[];
}

/** Reads, and writes unless told not to, until its parent disconnects, which asks for more of it, and for the report. */
const [options = '{}', writes = 'writes'] = process.argv.slice(2);
const app = await FaultApp.start(JSON.parse(options) as ReplicatedModuleOptions);
await app.allServe();
const lost: unknown[] = [];
app.cluster.on('replicaEjected', (event) => lost.push(event));
app.cluster.on('primaryLost', (event) => lost.push(event));
const loads = [
  new Load(() => app.read(), { callers: 6, pauseMs: 0 }),
  new Load(() => app.read(`SELECT count(*), ${SLEEP}(0.2) FROM note`), { callers: 2 }),
  ...(writes === 'writes' ? [new Load(() => app.write(), { callers: 2 })] : []),
];
process.on('message', (wanted) => void (wanted === 'report' ? report() : goOn()));
process.once('disconnect', () => void app.close());
process.send?.('started');

async function goOn(): Promise<void> {
  await loads[0]?.moreRequests(100);
  process.send?.('went on');
}

async function report(): Promise<void> {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  process.send?.({
    failures: messagesOf(reports.flatMap(({ failures }) => failures)),
    lost,
  } satisfies Report);
}
