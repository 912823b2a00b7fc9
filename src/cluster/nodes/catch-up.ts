import { hasReached, type Position, type Positions } from '../../position.js';
import type { Clock } from '../../clock.js';
import { ASK_PERIOD_MS, FIRST_ASK_MS, lookPeriodMs, nextAskMs, nextForecastMs } from './ask-plan.js';
import type { ClusterNode } from './cluster-node.js';

/** What a node was last asked for, and when. */
interface Ask {
  readonly position: Position | undefined;
  readonly atMs: number;
}

/** A read that waits. */
interface Search {
  readonly nodes: readonly ClusterNode[];
  readonly position: Position;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly teaches: boolean;
  isOver: boolean;
}

/** What a search is for. */
interface SearchTerms {
  readonly position: Position;
  readonly timeoutMs: number;
  /** Whether the answer to its first ask says how long replicas need: a read begins to wait with it. */
  readonly teaches: boolean;
}

/** How long a read may wait for a replica, and where it goes when none has the position in time. */
interface WaitTerms {
  readonly maxWaitMs: number;
  readonly elsewhere?: { readonly isCrowded: boolean } | undefined;
}

const NEVER: Ask = { position: undefined, atMs: -Infinity };

/**
 * Waits for replicas to replay a position. One replica is asked at a time, for all reads that wait, when it is expected to
 * have what they wait for; whatever else tells of a position ends their wait, too.
 */
export class CatchUp {
  /** What no replica had replayed when a read had waited for it. */
  private missed: Ask = NEVER;
  /** The same of one that had waited for longer. */
  private missedForLong: Ask = NEVER;
  private forecastMs = FIRST_ASK_MS;
  private lastAsk = NEVER;
  private readonly asks = new WeakMap<ClusterNode, Ask>();

  constructor(
    private readonly clock: Clock,
    private readonly positions: Positions,
  ) {}

  /**
   * Waits for a read until some of the nodes have `position`, for at most `maxWaitMs`, and answers those; empty: none
   * in time. After one read has waited without success one node is asked, but none waited for, until one has what that
   * read wanted, or seconds have passed: while replay stands still or is delayed, one read waits, not all of them.
   *
   * While it would have to wait where it goes instead, and others because of it, it stays for longer: so does one read only,
   * then, while replay stands still.
   */
  async wait<N extends ClusterNode>(
    nodes: readonly N[],
    position: Position,
    { maxWaitMs, elsewhere }: WaitTerms,
  ): Promise<readonly N[]> {
    const telling = nodes.filter(tellsPosition);
    if (telling.length === 0) return [];
    const caughtUp = await this.waitBriefly(telling, position, maxWaitMs);
    if (caughtUp.length > 0 || !elsewhere?.isCrowded) return caughtUp;
    return this.waitWhile(elsewhere, telling, { position, maxWaitMs });
  }

  private async waitWhile<N extends ClusterNode>(
    elsewhere: { readonly isCrowded: boolean },
    telling: readonly N[],
    { position, maxWaitMs }: { readonly position: Position; readonly maxWaitMs: number },
  ): Promise<readonly N[]> {
    if (this.isMissing(this.missedForLong, telling)) return [];
    const sinceMs = this.clock.now();
    for (let times = 0; elsewhere.isCrowded; times++) {
      if (times === CROWDED_WAITS) {
        this.missedForLong = { position, atMs: sinceMs };
        return [];
      }
      const caughtUp = await this.find(telling, { position, timeoutMs: maxWaitMs, teaches: false });
      if (caughtUp.length > 0) return caughtUp;
    }
    return [];
  }

  /** Whether what was missed lately still is. */
  private isMissing(missed: Ask, nodes: readonly ClusterNode[]): boolean {
    const isRecent = this.clock.now() - this.timeOf(missed) < MISS_LASTS_MS;
    return isRecent && !nodes.some((node) => this.hasReplayed(node, missed.position));
  }

  private async waitBriefly<N extends ClusterNode>(
    telling: readonly N[],
    position: Position,
    maxWaitMs: number,
  ): Promise<readonly N[]> {
    const nowMs = this.clock.now();
    const { missed } = this;
    if (this.isMissing(missed, telling)) {
      const lookAtMs = this.timeOf(this.lastAsk) + lookPeriodMs(nowMs - missed.atMs);
      if (nowMs >= lookAtMs) this.look(telling, missed.position);
      return [];
    }
    const caughtUp = await this.until(telling, position, maxWaitMs);
    if (caughtUp.length > 0) return caughtUp;
    this.missed = { position, atMs: nowMs };
    this.look(telling, position);
    return [];
  }

  /** Not awaited: the answer is for the next read, which then finds a fresh position. */
  private look(nodes: readonly ClusterNode[], position: Position | undefined): void {
    void this.ask({ nodes, position });
  }

  /** Asks the nodes until some have `position`, for at most `timeoutMs`, and answers those. */
  until<N extends ClusterNode>(
    nodes: readonly N[],
    position: Position,
    timeoutMs: number,
  ): Promise<readonly N[]> {
    return this.find(nodes, { position, timeoutMs, teaches: true });
  }

  private async find<N extends ClusterNode>(
    nodes: readonly N[],
    { position, timeoutMs, teaches }: SearchTerms,
  ): Promise<readonly N[]> {
    const limit = this.clock.delay(timeoutMs);
    const caughtUp = () => nodes.filter((node) => this.hasReplayed(node, position));
    const sinceMs = this.clock.now();
    const untilMs = sinceMs + timeoutMs;
    const search: Search = { nodes, position, sinceMs, untilMs, teaches, isOver: caughtUp().length > 0 };
    let stopListening: readonly (() => void)[] = [];
    const told = new Promise<void>((resolve) => {
      const look = () => (caughtUp().length > 0 ? resolve() : undefined);
      stopListening = nodes.map(({ observer }) => observer.onChange(look));
    });
    try {
      if (!search.isOver) await Promise.race([limit.done, told, this.askInTurn(search)]);
      return caughtUp();
    } finally {
      search.isOver = true;
      limit.cancel();
      for (const stop of stopListening) stop();
    }
  }

  /** Whether a node is known to have replayed a position. */
  hasReplayed({ snapshot }: ClusterNode, position: Position | undefined): boolean {
    return hasReached(this.positions, snapshot.place.position, position);
  }

  private async askInTurn(search: Search): Promise<void> {
    const { clock } = this;
    for (let isFirst = search.teaches; !search.isOver;) {
      const waitMs = this.nextAskMs(search) - clock.now();
      if (waitMs > 0) await clock.delay(waitMs).done;
      else {
        void (isFirst ? this.askFirst(search) : this.ask(search));
        isFirst = false;
      }
    }
  }

  private nextAskMs({ nodes, sinceMs, untilMs }: Search): number {
    const freeFromMs = Math.min(...nodes.map((node) => this.timeOf(this.lastAskOf(node)))) + ASK_PERIOD_MS;
    const { forecastMs } = this;
    const lastAskMs = this.timeOf(this.lastAsk);
    const nowMs = this.clock.now();
    return nextAskMs({ nowMs, sinceMs, untilMs, forecastMs, lastAskMs, freeFromMs });
  }

  private async askFirst(search: Search): Promise<void> {
    const askedAfterMs = this.clock.now() - search.sinceMs;
    const had = await this.ask(search);
    if (had !== undefined) this.forecastMs = nextForecastMs(this.forecastMs, askedAfterMs, had);
  }

  /** Whether the node that was asked has the position; `undefined`: it has not answered, or was late before. */
  private async ask({
    nodes,
    position,
  }: Pick<Search, 'nodes'> & Pick<Ask, 'position'>): Promise<boolean | undefined> {
    const node = this.nextToAsk(nodes);
    const wasLate = this.isLate(node);
    this.lastAsk = { position, atMs: this.clock.now() };
    this.asks.set(node, this.lastAsk);
    const answer = await node.observer.ask();
    const had = this.hasReplayed(node, position);
    return answer && (had || !wasLate) ? had : undefined;
  }

  /** One that may be asked now, and is not late; of several, the one not asked for longest. */
  private nextToAsk(nodes: readonly ClusterNode[]): ClusterNode {
    const askedAtMs = (node: ClusterNode) => this.timeOf(this.lastAskOf(node));
    const busySinceMs = this.clock.now() - ASK_PERIOD_MS;
    const free = preferring(nodes, (node) => askedAtMs(node) <= busySinceMs);
    const onTime = preferring(free, (node) => !this.isLate(node));
    return onTime.reduce((first, node) => (askedAtMs(node) < askedAtMs(first) ? node : first));
  }

  /** Whether a node is not known to have what it was last asked for. */
  private isLate(node: ClusterNode): boolean {
    return !this.hasReplayed(node, this.lastAskOf(node).position);
  }

  private lastAskOf(node: ClusterNode): Ask {
    return this.asks.get(node) ?? NEVER;
  }

  /** One that lies ahead was made before the clock was set back. */
  private timeOf({ atMs }: Ask): number {
    return atMs <= this.clock.now() ? atMs : NEVER.atMs;
  }
}

/** So many times more a read waits for a replica while all connections to the primary are in use. */
const CROWDED_WAITS = 10;
/** What was missed may be what no replica will ever have, such as a write that a failover has lost. */
const MISS_LASTS_MS = 5_000;

/** Those that are good; when there are none, all. */
function preferring<T>(all: readonly T[], isGood: (one: T) => boolean): readonly T[] {
  const good = all.filter(isGood);
  return good.length > 0 ? good : all;
}

/** Whether a server lets our role see its positions; one that does not answer may do so later. */
export function tellsPosition({ snapshot }: ClusterNode): boolean {
  return snapshot.place.position !== undefined || snapshot.state !== 'usable';
}
