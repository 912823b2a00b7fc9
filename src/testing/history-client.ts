import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientSession, HistoryClients } from './history-clients.js';
import type { SeededRandom } from './seeded-random.js';

/** A read that showed less than it had to. */
export interface HistoryViolation {
  /** What was broken: the client's own write, or one of its earlier reads, was missing. */
  readonly promise: 'read-your-writes' | 'monotonic-reads';
  readonly client: string;
  readonly row: string;
  /** The version that the read had to show at least. */
  readonly expected: number;
  readonly read: number;
  /** What the response said of its server. */
  readonly route: string | null;
}

/** What all clients share. */
export interface ClientSurroundings {
  /** Of the resource of rows, one per instance of the application. */
  readonly urls: readonly string[];
  readonly rows: number;
  readonly writeShare: number;
  readonly random: SeededRandom;
  readonly isOver: () => boolean;
  readonly thinkMs: number;
  readonly tally: HistoryTally;
}

/** What clients have seen, summed up. */
export class HistoryTally {
  reads = 0;
  writes = 0;
  failures = 0;
  replicaReads = 0;
  readonly violations: HistoryViolation[] = [];
}

/** One client: writes and reads random rows, and remembers what it must be shown from then on. */
export class HistoryClient {
  readonly #session: ClientSession;
  readonly #written = new Map<string, number>();
  readonly #seen = new Map<string, number>();

  constructor(
    readonly id: string,
    private readonly kind: HistoryClients,
    private readonly around: ClientSurroundings,
  ) {
    this.#session = kind.createSession(id);
  }

  /** Resolves when the time is over and no request is under way. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.kind.tabs ?? 1 }, () => this.#runTab()));
  }

  async #runTab(): Promise<void> {
    const { random, rows, isOver, thinkMs } = this.around;
    const { writeShare = this.around.writeShare } = this.kind;
    while (!isOver()) {
      const row = String(random.below(rows));
      try {
        if (random.next() < writeShare) await this.#write(row);
        else await this.#read(row);
      } catch {
        this.around.tally.failures += 1; // A fault has hit it; what a write has done is not known, so nothing is promised.
      }
      await sleep(random.next() * 2 * thinkMs);
    }
  }

  async #write(row: string): Promise<void> {
    const { version } = await this.#send('POST', row);
    this.around.tally.writes += 1;
    this.#written.set(row, Math.max(version, this.#written.get(row) ?? 0));
  }

  async #read(row: string): Promise<void> {
    // What was promised when the request was sent: a write that is answered meanwhile may be missing.
    const [written = 0, seen = 0] = [this.#written.get(row), this.#seen.get(row)];
    const { version, route } = await this.#send('GET', row);
    this.around.tally.reads += 1;
    if (route !== null && !/\bprimary\b/.test(route)) this.around.tally.replicaReads += 1;
    const found = { client: this.id, row, read: version, route };
    if (version < written) {
      this.around.tally.violations.push({ promise: 'read-your-writes', expected: written, ...found });
    } else if (this.kind.isMonotonic && version < seen) {
      this.around.tally.violations.push({ promise: 'monotonic-reads', expected: seen, ...found });
    }
    this.#seen.set(row, Math.max(version, this.#seen.get(row) ?? 0));
  }

  async #send(method: string, row: string): Promise<{ version: number; route: string | null }> {
    const { random, urls } = this.around;
    const response = await fetch(`${random.pick(urls)}/${row}`, {
      method,
      headers: this.#session.headers(),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const body = (await response.json()) as { version?: unknown };
    // Some responses are overtaken by later ones.
    if (random.next() < OVERTAKEN_SHARE) await sleep(random.below(OVERTAKEN_MS));
    this.#session.received(response.headers);
    if (!response.ok || typeof body.version !== 'number') throw new Error(`answered ${response.status}`);
    return { version: body.version, route: response.headers.get('replication-route') };
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
const OVERTAKEN_SHARE = 0.3;
const OVERTAKEN_MS = 30;
