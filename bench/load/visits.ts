import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { Browser } from './browser.js';

/** Clients who read, and now and then post a form that redirects them to what they have written. */
export interface VisitsJob {
  readonly port: number;
  readonly clients: number;
  /** Each client has a row of its own, from this one on. */
  readonly firstRow?: number;
  /** Share of the visits that write. */
  readonly writeShare: number;
  /** Visits that begin per second, however long the earlier ones take; undefined: as many as `workers` manage. */
  readonly perSecond?: number;
  readonly workers?: number;
  readonly durationMs: number;
  /** Versions begin above this, which no earlier job has used. */
  readonly firstVersion?: number;
  /** A client gives up after that. */
  readonly timeoutMs?: number;
}

/** One request. */
export interface Seen {
  readonly isWrite: boolean;
  /** Since the epoch. */
  readonly sentAtMs: number;
  readonly tookMs: number;
  readonly hasFailed: boolean;
  /** The port of the server that answered a read. */
  readonly port: number | undefined;
  /** An older version than this client had written. */
  readonly isStale: boolean;
}

/** What the clients saw. */
export interface VisitsReport {
  readonly seen: readonly Seen[];
  readonly seconds: number;
  /** Bytes of the `Cookie` header that one client sends, averaged over those who send one. */
  readonly cookieBytes: number;
}

interface Client {
  readonly id: number;
  readonly browser: Browser;
  written: number;
  isBusy: boolean;
}

/** Enough that requests which hang do not hold up the others. */
const CONNECTIONS = 1024;

/** Sends the visits of all clients, each client's one after the other. */
export async function visit(job: VisitsJob): Promise<VisitsReport> {
  const pool = new Pool(`http://127.0.0.1:${job.port}`, { connections: job.workers ?? CONNECTIONS });
  const visits = new Visits(job, pool);
  const startedAtMs = performance.now();
  await (job.perSecond === undefined ? visits.closed(job.workers ?? 1) : visits.open(job.perSecond));
  const seconds = (performance.now() - startedAtMs) / 1000;
  await pool.destroy();
  return { seen: visits.seen, seconds, cookieBytes: visits.cookieBytes };
}

class Visits {
  readonly seen: Seen[] = [];
  private readonly clients: readonly Client[];
  private version: number;
  private readonly endsAtMs: number;

  constructor(
    private readonly job: VisitsJob,
    pool: Pool,
  ) {
    const { clients, firstRow = 0, timeoutMs = 30_000, firstVersion = 0, durationMs } = job;
    this.clients = Array.from({ length: clients }, (_, index) => ({
      id: firstRow + index,
      browser: new Browser(pool, timeoutMs),
      written: 0,
      isBusy: false,
    }));
    this.version = firstVersion;
    this.endsAtMs = performance.now() + durationMs;
  }

  get cookieBytes(): number {
    const sizes = this.clients.flatMap(({ browser }) => browser.cookie?.length ?? []);
    return sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
  }

  async open(perSecond: number): Promise<void> {
    const running = new Set<Promise<void>>();
    const startedAtMs = performance.now();
    for (let begun = 0; performance.now() < this.endsAtMs; begun++) {
      const earlyMs = startedAtMs + (begun * 1000) / perSecond - performance.now();
      if (earlyMs > 1) await pause(earlyMs);
      const visit: Promise<void> = this.one().finally(() => running.delete(visit));
      running.add(visit);
    }
    await Promise.all(running);
  }

  async closed(workers: number): Promise<void> {
    const work = async () => {
      while (performance.now() < this.endsAtMs) await this.one();
    };
    await Promise.all(Array.from({ length: workers }, work));
  }

  private async one(): Promise<void> {
    const client = this.idleClient();
    client.isBusy = true;
    const version = Math.random() < this.job.writeShare ? ++this.version : undefined;
    const hasWritten = version !== undefined && (await this.request(client, version));
    if (hasWritten) client.written = version;
    if (hasWritten || version === undefined) await this.request(client);
    client.isBusy = false;
  }

  private idleClient(): Client {
    for (;;) {
      const client = this.clients[Math.floor(Math.random() * this.clients.length)] as Client;
      if (!client.isBusy) return client;
    }
  }

  /** Says whether it has worked. */
  private async request({ id, browser, written }: Client, version?: number): Promise<boolean> {
    const isWrite = version !== undefined;
    const [sentAtMs, startedAtMs] = [Date.now(), performance.now()];
    const { status, body } = await browser
      .request(isWrite ? 'POST' : 'GET', `/versions/${id}${isWrite ? `/${version}` : ''}`)
      .catch(() => ({ status: 599, body: '' })); // no answer is a failure like others
    const tookMs = performance.now() - startedAtMs;
    const hasFailed = status >= 400;
    const row = isWrite || hasFailed ? undefined : (JSON.parse(body) as { version: number; port: number });
    const isStale = row !== undefined && row.version < written;
    this.seen.push({ isWrite, sentAtMs, tookMs, hasFailed, port: row?.port, isStale });
    return !hasFailed;
  }
}

/** All that was seen, in numbers. */
export interface VisitCounts {
  readonly reads: number;
  readonly writes: number;
  readonly failed: number;
  readonly stale: number;
  readonly readsOnReplicas: number;
}

export function countVisits(reports: readonly VisitsReport[], replicaPorts: readonly number[]): VisitCounts {
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
