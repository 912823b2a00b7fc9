import type { CapturedPosition, History, Place, Position, Positions } from './position.js';
import type { NodeSnapshot } from './routing/node-snapshot.js';
import type { Connector } from './connector.js';
import type { DriverRules } from './options/driver/driver-rules.js';

/** Which part of a snapshot shows where a node is. */
export type ShownPlace = Pick<NodeSnapshot, 'position' | 'timeline'>;

/** Says what is wrong with a node, in the database's own words. */
export interface Findings {
  /** It stands in the primary's place and follows another server. */
  readonly replicaAsPrimary: string;
  /** It can be written, but the cluster has gone on without it. */
  formerPrimary(found: History, known: History): string;
  /** It is listed as a replica, and can be written. */
  readonly primaryAsReplica: string;
  /** It is of another database cluster than the primary. */
  foreign(found: string, known: string): string;
  /** It has replayed what the primary never had. */
  readonly diverged: string;
}

/**
 * What an error says about its node.
 *
 * `session-ended`: the server has ended the session in words of its own, for what the session did or did not do, and is
 * there: the session was idle for too long.
 */
export type FailureKind =
  | 'connection'
  | 'session-ended'
  | 'starting'
  | 'overload'
  | 'misconfigured'
  | 'recovery-conflict'
  | 'timeout'
  | 'query'
  | 'schema-behind'
  | 'read-only'
  | 'unlogged';

/** Is told of writes on a writable session. */
export interface WriteWatch {
  /** Whether positions are wanted; otherwise a write is only noted. */
  readonly wantsPosition: boolean;
  /**
   * Asked once of every text that arrives: whether it is not of a builder of TypeORM's. Then a view that it reads may call
   * functions that write.
   */
  isRaw(text: string): boolean;
  /** Whether a write matters to some unit of work, so that the server is asked whether there was one. */
  readonly isListening: boolean;
  /** A transaction was opened, or has ended. */
  transaction(isOpen: boolean): void;
  /** Something was committed, or may have been; `undefined`: no position could be had for it. Awaited before the caller hears of its write. */
  committed(captured: CapturedPosition | undefined, about: AboutCommit): void | Promise<void>;
}

/** What is known of a commit besides its position. */
export interface AboutCommit {
  /** What failed after it, or with it. */
  readonly problem?: unknown;
  /** Whether anything was written, or committed, is only guessed. */
  readonly isGuess: boolean;
}

/** What a text does to its session, as far as it can be told from the text. */
export interface TextTraits {
  /** It changes its session, so that the statements after it must follow it on the same connection. */
  readonly binds: 'transaction' | 'settings' | undefined;
  /** What locks it takes that a replica would grant to itself alone, as a refusal names them; `undefined`: none. */
  readonly takesLock: string | undefined;
  /** TypeORM begins a transaction with it: when it fails, it may be sent to another server. */
  readonly onlyBegins: boolean;
}

/** What a server that can be written has, and which one it is. */
export interface SeenPrimary {
  readonly position: Position | undefined;
  readonly serverId: string | undefined;
  /** As in `ProbeAnswer`. */
  readonly writers?: ReadonlySet<string> | undefined;
}

/** What the library must know of a database. One folder per database; reach them through `createEngine`. */
export interface Engine {
  readonly positions: Positions;
  /**
   * Whether a failover lies between two histories, and `history` is from before it. A server that can be written on an
   * older one than is known is a former primary, one on a newer one was promoted. `undefined`: histories have no order.
   */
  readonly isOlder: ((history: History, than: History) => boolean) | undefined;
  /**
   * Without an order of histories: whether a server that can be written was the primary before the one last seen as such, as
   * far as what each of them has can prove it.
   */
  readonly isFormer?: (found: SeenPrimary, known: SeenPrimary) => boolean;
  /** What users are shown of a place. */
  show(place: Place): ShownPlace;
  readonly findings: Findings;
  /** Whether two different `serverId`s are of one server process, of one server before and after a restart, or of two. */
  compareServers(now: string, before: string): 'same' | 'restarted' | 'another';
  /** Any server shows what any other would: it does not matter which of them an address leads to. */
  readonly areServersAlike?: boolean;
  readonly connector: Connector;
  readonly driverRules: DriverRules;
  /** What kind of failure an error of the driver, of its pool or of TypeORM is. */
  classify(error: unknown): FailureKind;
  /** The kind of statement a read-only session has refused, in the database's words. */
  refusedStatement(error: unknown, sql: string): string;
  /** Whether a text holds more than one statement. */
  hasSeveralStatements(sql: string): boolean;
  /** What a text does to its session. On the way of every query. */
  traitsOf(sql: string): TextTraits;
  /** Whether a text takes advisory locks, or numbers of a sequence, which a session that reads would refuse and the log may not show. */
  mayWriteUntraced(sql: string): boolean;
  /** Whether a session that only reads may begin a transaction at an isolation level. */
  mayReadAt(isolation: string): boolean;
  /** Whether the server has said that a connection is inside a transaction; `undefined`: its driver does not tell. */
  isInTransaction(connection: unknown): boolean | undefined;
  /** Whether the server still has to say, of a query that has failed, that the session goes on. It may be ending it. */
  mayBeEnding(connection: unknown): boolean;
  /** Ends the transaction that a connection is in; without one, nothing. */
  rollBack(connection: unknown): Promise<void>;
  /** A position at or after everything that was read on the connection; `undefined`: the server does not tell. */
  readPosition(connection: unknown): Promise<Position | undefined>;
  /** Which server a connection that reads has reached, as `ProbeAnswer.serverId`; `undefined`: that is not known. */
  serverOf?(connection: unknown): string | undefined;
  /** Hands TypeORM a connection that tells `watch` of commits and is the given one in all else. */
  observeWrites(connection: unknown, watch: WriteWatch): unknown;
  /** What is left to ask of the writes on such a connection before it goes back; `undefined`: nothing. */
  openQuestion(connection: unknown): (() => Promise<void>) | undefined;
}
