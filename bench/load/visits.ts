import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { Browser } from './browser.js';

/** Clients who read, and now and then post a form that redirects them to what they have written. */
export interface VisitsJob {
  readonly port: number;
  readonly clients: number;
  /** Share of the visits that write. */
  readonly writeShare: number;
  /** Visits that begin per second; undefined: as many as `workers` manage. */
  readonly perSecond?: number;
  readonly workers?: number;
  readonly durationMs: number;
  /** Versions begin above this, which no earlier job has used. */
  readonly firstVersion: number;
  /** The replicas' ports. */
  readonly replicaPorts: readonly number[];
}

/** What the clients saw. */
export interface VisitsReport {
  reads: number;
  writes: number;
  failed: number;
  /** Reads that showed an older version than the client itself had written. */
  stale: number;
  readsOnReplicas: number;
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

/** Sends the visits of all clients, each client's one after the other. */
export async function visit(job: VisitsJob): Promise<VisitsReport> {
  const connections = job.workers ?? 64;
  const pool = new Pool(`http://127.0.0.1:${job.port}`, { connections });
  const visits = new Visits(job, pool);
  const startedAtMs = performance.now();
  await (job.perSecond === undefined ? visits.closed(connections) : visits.open(job.perSecond));
  const seconds = (performance.now() - startedAtMs) / 1000;
  await pool.close();
  return { ...visits.counts, seconds, cookieBytes: visits.cookieBytes };
}

class Visits {
  readonly counts = { reads: 0, writes: 0, failed: 0, stale: 0, readsOnReplicas: 0 };
  private readonly clients: readonly Client[];
  private readonly replicaPorts: ReadonlySet<number>;
  private version: number;
  private readonly endsAtMs: number;

  constructor(
    private readonly job: VisitsJob,
    pool: Pool,
  ) {
    this.clients = Array.from({ length: job.clients }, (_, id) => ({
      id,
      browser: new Browser(pool),
      written: 0,
      isBusy: false,
    }));
    this.replicaPorts = new Set(job.replicaPorts);
    this.version = job.firstVersion;
    this.endsAtMs = performance.now() + job.durationMs;
  }

  get cookieBytes(): number {
    const sizes = this.clients.flatMap(({ browser }) => browser.cookieHeader?.length ?? []);
    return sizes.length === 0 ? 0 : sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  }

  /** Visits begin at a fixed rate, however long the earlier ones take. */
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

  /** So many visits at any time. */
  async closed(workers: number): Promise<void> {
    const work = async () => {
      while (performance.now() < this.endsAtMs) await this.one();
    };
    await Promise.all(Array.from({ length: workers }, work));
  }

  private async one(): Promise<void> {
    const client = this.idleClient();
    client.isBusy = true;
    try {
      const path = Math.random() < this.job.writeShare ? await this.write(client) : `/versions/${client.id}`;
      await this.read(client, path);
    } catch {
      this.counts.failed += 1;
    } finally {
      client.isBusy = false;
    }
  }

  private idleClient(): Client {
    for (;;) {
      const client = this.clients[Math.floor(Math.random() * this.clients.length)] as Client;
      if (!client.isBusy) return client;
    }
  }

  /** Answers with the address that it is redirected to. */
  private async write(client: Client): Promise<string> {
    const version = ++this.version;
    const { status, location } = await client.browser.request('POST', `/versions/${client.id}/${version}`);
    if (status !== 303 || location === undefined) throw new Error(`POST answered ${status}`);
    client.written = version;
    this.counts.writes += 1;
    return location;
  }

  private async read(client: Client, path: string): Promise<void> {
    const { status, body } = await client.browser.request('GET', path);
    if (status !== 200) throw new Error(`GET answered ${status}`);
    const { version, port } = JSON.parse(body) as { version: number; port: number };
    this.counts.reads += 1;
    if (version < client.written) this.counts.stale += 1;
    if (this.replicaPorts.has(port)) this.counts.readsOnReplicas += 1;
  }
}
