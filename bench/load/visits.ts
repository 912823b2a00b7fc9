import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { Browser } from './browser.js';

/** Clients who read, and now and then post a form that redirects them to what they have written. */
export interface VisitsJob {
  readonly port: number;
  readonly clients: number;
  /** Each client has a row of its own, from this one on. */
  readonly firstRow?: number;
  readonly writeShare: number;
  /** Visits that begin per second, however long the earlier ones take; undefined: as many as `workers` manage. */
  readonly perSecond?: number;
  readonly workers?: number;
  readonly durationMs: number;
  /** Versions begin above this, which no earlier job has used. */
  readonly firstVersion?: number;
  readonly timeoutMs?: number;
}

/** One request. */
export type Seen = Readonly<Awaited<ReturnType<typeof request>>>;

/** What the clients saw. */
export type VisitsReport = Readonly<Awaited<ReturnType<typeof visit>>>;

interface Client {
  readonly id: number;
  readonly browser: Browser;
  written: number;
  isBusy: boolean;
}

/** Requests which hang do not hold up the others. */
const CONNECTIONS = 1024;

/** Sends the visits of all clients, each client's one after the other. */
export async function visit(job: VisitsJob) {
  const { port, firstRow = 0, timeoutMs = 30_000, workers, perSecond, writeShare } = job;
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: workers ?? CONNECTIONS });
  const clients = Array.from({ length: job.clients }, (_, index): Client => {
    return { id: firstRow + index, browser: new Browser(pool, timeoutMs), written: 0, isBusy: false };
  });
  const seen: Seen[] = [];
  let version = job.firstVersion ?? 0;
  const startedAtMs = performance.now();
  const isOver = () => performance.now() - startedAtMs >= job.durationMs;

  const visitOnce = async () => {
    const client = takeIdle(clients);
    const written = Math.random() < writeShare ? ++version : undefined;
    const wrote = written === undefined ? undefined : await request(client, written);
    if (wrote) seen.push(wrote);
    if (wrote && !wrote.hasFailed) client.written = written ?? 0;
    if (!wrote?.hasFailed) seen.push(await request(client));
    client.isBusy = false;
  };
  const work = async () => {
    while (!isOver()) await visitOnce();
  };
  const running: Promise<void>[] = [];
  if (perSecond === undefined) running.push(...Array.from({ length: workers ?? 1 }, work));
  else
    while (!isOver()) {
      const earlyMs = startedAtMs + (running.length * 1000) / perSecond - performance.now();
      if (earlyMs > 1) await pause(earlyMs);
      running.push(visitOnce());
    }
  await Promise.all(running);
  const seconds = (performance.now() - startedAtMs) / 1000;
  await pool.destroy();
  // Of the header that one client sends, averaged over those who send one.
  const sizes = clients.flatMap(({ browser }) => browser.cookie?.length ?? []);
  const cookieBytes = sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
  return { seen, seconds, cookieBytes };
}

function takeIdle(clients: readonly Client[]): Client {
  for (;;) {
    const client = clients[Math.floor(Math.random() * clients.length)] as Client;
    if (client.isBusy) continue;
    client.isBusy = true;
    return client;
  }
}

/** Writes a version, or reads. */
async function request({ id, browser, written }: Client, version?: number) {
  const isWrite = version !== undefined;
  const [sentAtMs, startedAtMs] = [Date.now(), performance.now()];
  const { status, body } = await browser
    .request(isWrite ? 'POST' : 'GET', `/versions/${id}${isWrite ? `/${version}` : ''}`)
    .catch(() => ({ status: 599, body: '' })); // no answer is a failure like others
  const tookMs = performance.now() - startedAtMs;
  const hasFailed = status >= 400;
  const row = isWrite || hasFailed ? undefined : (JSON.parse(body) as { version: number; port: number });
  // An older version than this client had written.
  const isStale = row !== undefined && row.version < written;
  // The port is that of the server that answered a read.
  return { isWrite, sentAtMs, tookMs, hasFailed, port: row?.port, isStale };
}

/** All that was seen, in numbers. */
export type VisitCounts = Readonly<ReturnType<typeof countVisits>>;

export function countVisits(reports: readonly VisitsReport[], replicaPorts: readonly number[] = []) {
  const all = reports.flatMap(({ seen }) => seen);
  const of = (is: (one: Seen) => boolean) => all.filter(is).length;
  return {
    reads: of(({ isWrite, hasFailed }) => !isWrite && !hasFailed),
    writes: of(({ isWrite, hasFailed }) => isWrite && !hasFailed),
    failed: of(({ hasFailed }) => hasFailed),
    stale: of(({ isStale }) => isStale),
    readsOnReplicas: of(({ port }) => port !== undefined && replicaPorts.includes(port)),
  };
}
