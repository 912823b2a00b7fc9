import type { DataSource, QueryRunner } from 'typeorm';
import type { History, Position } from './position.js';
import type {
  DriverOptions,
  ResolvedMonitor,
  ResolvedNode,
  ResolvedOptions,
} from './options/resolved-options.js';

/** The connections of a pool, those being made included. */
export interface Connections {
  /** Ends all at once, so that what hangs on them fails. */
  cut(): void;
  /** The same, and every new one fails at once until `reopen` is called. */
  shut(): void;
  reopen(): void;
  /** Remembers what has been heard on each until now. */
  noteHeard(nowMs: number): void;
  /** Ends those on which nothing was heard since a `noteHeard` at `sinceMs` or before. */
  cutUnheard(sinceMs: number): void;
}

/** How many connections a pool has, and how many queries wait for one. */
export interface PoolUsage {
  readonly idle: number;
  readonly used: number;
  readonly pending: number;
}

/** Connections to one node in one kind of session. Nothing is opened before the first `open`. */
export interface Pool {
  readonly connections: Connections;
  /** What TypeORM needs to take connections from it: its driver, which only the engine looks into. */
  open(): Promise<unknown>;
  /** The same, once it is open. */
  readonly driver: unknown;
  /** Ends those that nobody uses at the moment. */
  cutIdle(): void;
  /** Asks the server to end what runs on them, where it can be asked; they must not be used again. */
  cancelAll(): void;
  /** Waits for connections in use, then closes; within a bounded time. */
  close(): Promise<void>;
  /** The most connections it may hold. */
  readonly size: number;
  /** `undefined`: it is closed, or cannot be seen into. */
  readonly usage: PoolUsage | undefined;
}

/** What a server says about itself. Every member but the first is `undefined` where the database cannot say it. */
export interface ProbeAnswer {
  /** `'primary'`: it can be written; `'replica'`: it follows another server; `'unknown'`: it does not say. */
  readonly role: 'primary' | 'replica' | 'unknown';
  /** What a replica has replayed; what a primary has written, as far as replicas can reach it. */
  readonly position?: Position | undefined;
  readonly history?: History | undefined;
  /** Identifies the database cluster: the same on a primary and its replicas. */
  readonly systemId?: string | undefined;
  /** Identifies the server process that answered; `Engine.compareServers` compares two. */
  readonly serverId?: string | undefined;
  /** How late a replica is, where the server itself knows. */
  readonly lagMs?: number | undefined;
  /** How old what a replica shows is at most, where that is not `lagMs`; `Infinity`: it does not say. */
  readonly stalenessMs?: number | undefined;
  /** What a replica has received. */
  readonly receivedPosition?: Position | undefined;
  /**
   * Of a primary whose log is not all on disk, so that replicas cannot have the rest: up to where it is, and for how long at most
   * what was committed before lay behind that.
   */
  readonly flushed?: { readonly position: Position; readonly delayMs: number } | undefined;
  /** The servers whose writes it has, by the names that `serverId`s hold, where positions do not tell. */
  readonly writers?: ReadonlySet<string> | undefined;
}

/** Asks one node, on a connection of its own which it opens when needed. */
export interface Prober {
  /** Rejects when there is no answer; need not limit the time. Never called twice at a time. */
  probe(): Promise<ProbeAnswer>;
  /** What the node has sent on the connection so far. */
  readonly bytesHeard: number;
  /** Closes the connection. The prober is not used any more. */
  close(): Promise<void>;
  /** Destroys the connection, without waiting for the server: the next probe opens another. */
  reset(): void;
}

/** What a connection has found at its other end. */
export interface ServerIdentity {
  /** Identifies the server process that answered. */
  readonly serverId: string | undefined;
  /** Whether a pooler stands between: the server's process is not the one the connection was promised. */
  readonly isPooled: boolean;
}

/** What the sessions of a node depend on, and whom they tell what they find. */
export interface PoolTerms {
  readonly options: ResolvedOptions;
  /** The routed DataSource, for whose query runners the connections are. */
  readonly owner: DataSource;
  /** The node whose writable pool is the owner's; `undefined`: that has started on a replica. */
  readonly own: ResolvedNode | undefined;
  /** Those of its own pool; `undefined`: it is another's DataSource. */
  readonly ownConnections: Connections | undefined;
  /** A server that can be written on an older one is a former primary, and not used as the primary. */
  readonly newestHistory: () => History | undefined;
  /** Whether the node is the primary now, so that new connections must prove that their server is one. */
  readonly isPrimary: () => boolean;
  /** Told of every new connection that reads, before it is used. */
  readonly onIdentity: (identity: ServerIdentity) => void;
  /** Told when the server of a connection says that its role has changed: a hint, not a proof. */
  readonly onRoleHint: () => void;
}

/** What the prober of a node depends on. */
export interface ProberTerms {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly monitor: ResolvedMonitor;
  readonly onIdentity: (identity: ServerIdentity) => void;
  /** Told once when the server refuses to say its positions. */
  readonly onModest: (error: unknown) => void;
  /** Told of what a server cannot promise, and why; again with every connection. */
  readonly onWeakness: (detail: string) => void;
  /** Told what sessions of the server are like by default; again with every connection. */
  readonly onDefaults: (defaults: SessionDefaults) => void;
}

/** What shapes the values that a session reads and the statements that it takes, by the names of the database. */
export type SessionDefaults = Readonly<Record<string, unknown>>;

/** What the session of the routed DataSource's own pool depends on. */
export interface OwnSessionTerms
  extends Pick<PoolTerms, 'newestHistory' | 'isPrimary'>, Pick<ResolvedOptions, 'monitor' | 'onConnect'> {
  /** Name of the cluster. */
  readonly cluster: string;
  /** Of the node that it dials. */
  readonly name: string;
  /** Otherwise its connections are TypeORM's own, but for `onConnect`. */
  readonly isRouted: boolean;
}

/** How the routed DataSource makes its own pool. */
export interface OwnSession {
  /** TypeORM's options. */
  readonly options: DriverOptions;
  readonly connections: Connections;
  /** Between the constructor and `initialize()`, where the driver has no option for what every new connection goes through. */
  prepare?(dataSource: DataSource): void;
  /** Calls `close`, which waits for queries, and cuts what still hangs after a bounded time. */
  closeWithin(close: () => Promise<void>): Promise<void>;
}

/** What the house asks of a database's driver, and of how TypeORM uses it. */
export interface Connector {
  /** The session of the routed DataSource's own pool: writable, and only on the primary; or, unless it dials that, of no pool. */
  ownSession(options: DriverOptions, terms: OwnSessionTerms): OwnSession;
  /** The two pools of a node. Neither connects yet. */
  createPools(settings: ResolvedNode, terms: PoolTerms): Record<'writable' | 'read-only', Pool>;
  createProber(settings: ResolvedNode, terms: ProberTerms): Prober;
  /**
   * Takes a connection of an open pool's driver for a runner, whose `driver` is that one from now on. Answers what TypeORM is
   * to use: where only the client can see to it that nothing is written, that sees to it.
   */
  connect(runner: QueryRunner, driver: unknown): Promise<unknown>;
  /** Whether the connection of a runner that was not released has died. */
  hasDied(runner: QueryRunner): boolean;
  /**
   * Gives the connection of a runner back to its pool before it returns; with an error, the pool destroys it. The runner is
   * released then, as by TypeORM itself; it may be connected again once `isReleased` and `databaseConnection` are cleared.
   */
  giveBack(runner: QueryRunner, whyUnusable?: unknown): void;
  /**
   * Asks the server to end what the connection of a runner that reads is at, and says whether there was something to end: then
   * the connection must not be used again, since the request may arrive late.
   */
  cancel(runner: QueryRunner): boolean;
  /** What the server has said to end a stream of rows, where the stream itself does not tell. */
  lastWordOf(rows: unknown): unknown;
}
