import type { CapturedPosition, History, Place, Position, Positions } from './position.js';
import type { NodeSnapshot } from './routing/node-snapshot.js';
import type { ReadOnlyMeans } from './options/options.js';
import type { DriverOptions } from './options/resolved-options.js';

/** What a server says about itself. Every member but the first is `undefined` where the database cannot say it. */
export interface ProbeAnswer {
  /** `'primary'`: it can be written; `'replica'`: it follows another server; `'unknown'`: it does not say. */
  readonly role: 'primary' | 'replica' | 'unknown';
  /** What a replica has replayed; what a primary has written, as far as replicas can reach it. */
  readonly position?: Position | undefined;
  readonly history?: History | undefined;
  /** Identifies the database cluster: the same on a primary and its replicas. */
  readonly systemId?: string | undefined;
  /** Identifies the server process that answered: address, port, start time. */
  readonly serverId?: string | undefined;
  /** What a replica has received. */
  readonly receivedPosition?: Position | undefined;
}

/** Runs one statement, and answers its rows. */
export type RunStatement = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

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

/** What a connection has found at its other end. */
export interface ServerIdentity {
  /** Address, port and start time of the server that answered. */
  readonly serverId: string | undefined;
  /** Whether a pooler stands between: the server's process is not the one the connection was promised. */
  readonly isPooled: boolean;
}

/** Is told of writes on a writable session. */
export interface WriteWatch {
  /** Whether positions are wanted; otherwise a write is only noted. */
  readonly wantsPosition: boolean;
  /** Asked once of every text that arrives: whether it is surely not of a builder of TypeORM's, so that a view may call what writes. */
  isRaw(text: string): boolean;
  /** Whether anybody is to be told of a write, so that the server is worth asking whether there was one. */
  readonly isListening: boolean;
  /** A transaction was opened, or has ended. */
  transaction(isOpen: boolean): void;
  /** Something was committed, or may have been; `undefined`: no position could be had for it. Awaited before the caller hears of its write. */
  committed(captured: CapturedPosition | undefined, about: AboutCommit): void | Promise<void>;
}

/** What is known of a commit besides its position. */
export interface AboutCommit {
  /** What failed behind it, or with it. */
  readonly problem?: unknown;
  /** Whether anything was written, or committed, is only guessed. */
  readonly isGuess: boolean;
}

/** What is to be known of, and done with, connections that read. */
export interface ReadSessionTerms {
  readonly means: ReadOnlyMeans;
  /** A connection whose server owes an answer and says nothing for so long is given up; `undefined`: never. */
  readonly silenceMs: number | undefined;
  /** Told of every new connection, before it is used. */
  readonly onIdentity: (identity: ServerIdentity) => void;
  /** Told when the server of a connection says that it is no standby any more, or one now: a hint, not a proof. */
  readonly onRoleHint: () => void;
}

/** What makes a server the primary. */
export interface PrimaryTerms {
  /** A server that can be written on an older one is a former primary. */
  readonly newestHistory: () => History | undefined;
  /** Whether it has to be. @default always */
  readonly isPrimary?: () => boolean;
}

/** What the library must know of a database. One folder per database; reach them through `createEngine`. */
export interface Engine {
  readonly positions: Positions;
  /**
   * Whether a failover lies between two histories, and `history` is from before it. A server that can be written on an
   * older one than is known is a former primary, one on a newer one was promoted.
   */
  isOlder(history: History, than: History): boolean;
  /** What users are shown of a place. */
  show(place: Place): ShownPlace;
  readonly findings: Findings;
  /** Asks a node what it is, for its monitor; needs no privilege beyond an ordinary role's. */
  probe(run: RunStatement): Promise<ProbeAnswer>;
  /** For servers that refuse `probe`: learns the role, but no positions. */
  probeRole(run: RunStatement): Promise<ProbeAnswer>;
  /** Whether the server has refused `probe`. */
  refusesToTell(error: unknown): boolean;
  /** What kind of failure an error of the driver, of its pool or of TypeORM is. */
  classify(error: unknown): FailureKind;
  /** The kind of statement a read-only session has refused, in the database's words. */
  refusedStatement(error: unknown, sql: string): string;
  /** Whether a text holds more than one statement. */
  hasSeveralStatements(sql: string): boolean;
  /** Whether a text takes locks that a standby would grant to itself alone. */
  takesAdvisoryLock(sql: string): boolean;
  /** Whether a text takes such locks, or numbers of a sequence, which a session that reads would refuse and the log may not show. */
  mayWriteUntraced(sql: string): boolean;
  /** Whether a text changes its session, so that the statements after it must follow it on the same connection. */
  bindsSession(sql: string): 'transaction' | 'settings' | undefined;
  /** Options for sessions that write nothing, in the order in which they are tried. */
  readOnlySessions(
    options: DriverOptions,
    terms: ReadSessionTerms,
  ): readonly [DriverOptions, ...DriverOptions[]];
  /** Whether, after this error, the next of `readOnlySessions` is to be tried. */
  refusesReadOnlySession(error: unknown): boolean;
  /** Options with which every new connection says which server it has reached. */
  identifiedSession(options: DriverOptions, onIdentity: (identity: ServerIdentity) => void): DriverOptions;
  /** Hands TypeORM a connection of such a session which writes nothing, where only the client can see to that. */
  guardReads(connection: unknown): unknown;
  /**
   * Options for sessions of which every new connection proves that it has reached a primary, and not a former one.
   */
  primarySession(options: DriverOptions, terms: PrimaryTerms): DriverOptions;
  /** Whether the server has said that a connection is inside a transaction; `undefined`: its driver does not tell. */
  isInTransaction(connection: unknown): boolean | undefined;
  /** Whether the server still has to say, of a query that has failed, that the session goes on. It may be ending it. */
  mayBeEnding(connection: unknown): boolean;
  /** Ends the transaction that a connection is in; without one, nothing. */
  rollBack(connection: unknown): Promise<void>;
  /** A position at or after everything that was read on the connection; `undefined`: the server does not tell. */
  readPosition(connection: unknown): Promise<Position | undefined>;
  /** Hands TypeORM a connection that tells `watch` of commits and is the given one in all else. */
  observeWrites(connection: unknown, watch: WriteWatch): unknown;
}
