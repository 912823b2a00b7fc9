import type { DataSource } from 'typeorm';
import type { Explicit } from '../context/scope.js';
import { outsideUnits, storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { untilEnd } from '../context/until-end.js';
import type { Intent, Route } from '../routing/route.js';

/** What a selector asks of its cluster. */
export interface SelectorPort {
  readonly name: string;
  /** The role that the next read would get, without taking a connection. */
  peek(): Intent;
  /** The DataSource pinned to a role. */
  dataSource(intent: Intent): DataSource;
  /** The token for what the unit has written. */
  token(): Promise<string | undefined>;
}

/** What a request has asked of a cluster. */
export interface QuerySummary {
  /** Queries by the role of the server that got them. A transaction counts once, a read that was repeated each time. */
  readonly queries: { readonly primary: number; readonly replica: number };
  /** How long they have waited, in ms: for replicas to catch up, or for a permit of the fall-back. */
  readonly waitedMs: number;
  /** Queries that have failed and were sent again. */
  readonly retries: number;
}

/** Options of {@link ConnectionSelector.run}. */
export interface RunOptions {
  /** Where the block reads; its writes need `'primary'`. */
  readonly intent: Intent;
  /** What `token()` of the work that caused this block has answered: its reads show those writes. */
  readonly token?: string | undefined;
}

/**
 * Says and changes where queries go, in the unit of work at hand. One provider serves all requests: the state is in
 * AsyncLocalStorage.
 *
 * ```ts
 * constructor(@InjectConnectionSelector() private readonly selector: ConnectionSelector) {}
 * stock(id: number) { return this.selector.usePrimary(() => this.products.findOneBy({ id })); }
 * ```
 */
export class ConnectionSelector {
  constructor(private readonly cluster: SelectorPort) {}

  /** The last choice of this unit of work; `undefined`: none yet, or outside of a unit. */
  get route(): Route | undefined {
    return storage.getStore()?.unit.on(this.cluster.name).route;
  }

  /**
   * What this request, or job, has asked of the cluster so far, for access logs and the like; `undefined` outside of a unit
   * of work. An object of its own, which does not change.
   */
  get summary(): QuerySummary | undefined {
    const tally = storage.getStore()?.unit.on(this.cluster.name).tally;
    if (!tally) return undefined;
    const { primary, replica, waitedMs, retries } = tally;
    return { queries: { primary, replica }, waitedMs, retries };
  }

  /** What the next read would use: the DataSource pinned to that role, with all metadata. */
  get dataSource(): DataSource {
    return this.cluster.dataSource(this.cluster.peek());
  }

  /** Runs `fn` with all its queries on the primary. What was before holds again afterwards. */
  usePrimary<T>(fn: () => T): T {
    return this.within('primary', fn);
  }

  /** Runs `fn` with all its queries on a replica; writes in it are refused. What was before holds again afterwards. */
  useReplica<T>(fn: () => T): T {
    return this.within('replica', fn);
  }

  /**
   * Runs `fn` outside of any unit of work: on the primary, and without leaving a token. For session stores, counters,
   * last-seen times and logs; it costs the rest of the unit nothing.
   */
  outside<T>(fn: () => T): T {
    return outsideUnits(fn);
  }

  /**
   * `fn`, to be called in the unit of work in which it is bound, or outside of any, whatever calls it. For queues, pools and
   * batchers that start the job of one request in the context of another.
   *
   * ```ts
   * @Post() create(@Body() note: Note) { return this.queue.add(this.selector.bind(() => this.notes.save(note))); }
   * ```
   */
  bind<Args extends unknown[], T>(fn: (...args: Args) => T): (...args: Args) => T {
    const scope = storage.getStore();
    return function bound(this: unknown, ...args: Args): T {
      return storage.run(scope, () => fn.apply(this, args));
    };
  }

  /**
   * Runs `fn` as a unit of work of its own: jobs, scripts. Inside a unit its writes count for that one too. The unit ends
   * when what `fn` answers has settled.
   *
   * ```ts
   * await selector.run({ intent: 'replica', token: job.data.token }, () => this.report(job.data.id));
   * ```
   */
  run<T>({ intent, token }: RunOptions, fn: () => T): T {
    const { name } = this.cluster;
    const outer = storage.getStore();
    // Tokens come in messages from outside, where they may be anything.
    const tokens = typeof token === 'string' ? { cluster: name, text: token } : undefined;
    const unit = new UnitOfWork({ kind: 'run', tokens }, outer?.unit);
    const explicit: Explicit = { cluster: name, intent };
    const end = (): void => {
      unit.end();
      if (intent === 'replica') explicit.hasEnded = true;
    };
    return untilEnd(() => storage.run(outer ? { unit, explicit, outer } : { unit, explicit }, fn), end) as T;
  }

  /**
   * A token for what this unit of work, its client included, has written so far; hand it to jobs and to other
   * services. `undefined`: nothing to wait for.
   *
   * @throws {@link UsageError} inside an open transaction: the position is known only after the commit.
   */
  token(): Promise<string | undefined> {
    return this.cluster.token();
  }

  private within<T>(intent: Intent, fn: () => T): T {
    const outer = storage.getStore();
    const explicit: Explicit = { cluster: this.cluster.name, intent };
    const scope = outer
      ? { unit: outer.unit, explicit, outer }
      : { unit: new UnitOfWork({ kind: 'run' }), explicit };
    if (intent === 'primary') return storage.run(scope, fn);
    return untilEnd(
      () => storage.run(scope, fn),
      () => (explicit.hasEnded = true),
    ) as T;
  }
}
