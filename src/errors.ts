/** Where a page of the documentation has more: cause and fix of an error code, an event or a reason. */
export function seeDocs(subject: string): string {
  return `(${TROUBLESHOOTING}#${subject.toLowerCase()})`;
}

const TROUBLESHOOTING =
  'https://github.com/nestjs-replicated/nestjs-replicated/blob/main/docs/troubleshooting.md';

/** A problem found in the options, as one line of an {@link InvalidOptionsError}. */
export interface OptionsProblem {
  /** Where it is, as the user wrote it: `routing.readMethods[1]`. */
  readonly path: string;
  /** What is wrong and what to do instead. */
  readonly message: string;
}

/**
 * The parent of all errors of this library. Tell them apart by `code`, which is stable, not by `instanceof`,
 * since an application may load both the ES module and the CommonJS build.
 *
 * ```ts
 * if (error.code === 'ERR_REPLICATED_REPLICA_WRITE') ...
 * ```
 */
export abstract class ReplicatedError extends Error {
  abstract readonly code: `ERR_REPLICATED_${string}`;
  abstract override readonly name: string;
}

/** The options given to `ReplicatedModule` are wrong. All problems are in one error. */
export class InvalidOptionsError extends ReplicatedError {
  readonly code = 'ERR_REPLICATED_INVALID_OPTIONS';
  override readonly name = 'InvalidOptionsError';

  constructor(readonly problems: readonly OptionsProblem[]) {
    super(
      `The options of ReplicatedModule have ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n` +
        problems.map(({ path, message }) => `  - ${path}: ${message}`).join('\n') +
        `\n${seeDocs('ERR_REPLICATED_INVALID_OPTIONS')}`,
    );
  }
}

/** What was refused, and where, of a {@link ReplicaWriteError}. */
export interface ReplicaWriteDetails {
  /** Kind of statement or call: `INSERT`, `save`, `SERIALIZABLE transaction`, ... */
  readonly statement: string;
  /** `PostsController.visit`, when the unit of work belongs to a handler. */
  readonly handler?: string | undefined;
  /** HTTP method of the request. */
  readonly method?: string | undefined;
  /** Path of the request, without its query string. */
  readonly path?: string | undefined;
  /** What to do about it; the default names `@ChangesDatabase()`. */
  readonly fix?: string | undefined;
}

/**
 * Something tried to write where the route is a replica. Nothing was written: either the call was refused before
 * any query, or the read-only session refused the statement (then the database's own error is the `cause`).
 */
export class ReplicaWriteError extends ReplicatedError {
  readonly code = 'ERR_REPLICATED_REPLICA_WRITE';
  override readonly name = 'ReplicaWriteError';
  readonly statement: string;
  readonly handler: string | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined;

  constructor(details: ReplicaWriteDetails, options?: ErrorOptions) {
    super(`${describeReplicaWrite(details)} ${seeDocs(REPLICA_WRITE)}`, options);
    this.statement = details.statement;
    this.handler = details.handler;
    this.method = details.method;
    this.path = details.path;
  }
}

/** By its code, since the other build of this package has a class of its own. */
export function isReplicaWriteError(error: unknown): boolean {
  return (error as Partial<ReplicaWriteError> | undefined)?.code === REPLICA_WRITE;
}

const REPLICA_WRITE: ReplicaWriteError['code'] = 'ERR_REPLICATED_REPLICA_WRITE';

function describeReplicaWrite({ statement, handler, method, path, fix }: ReplicaWriteDetails): string {
  const request = method && path ? `${method} ${path}` : method;
  const place = [handler, request && (handler ? `(${request})` : request)].filter(Boolean).join(' ');
  const who = place ? ` in ${place}` : '';
  return `${statement} was refused${who}: this unit of work reads a replica, which cannot be written. ${fix ?? DEFAULT_FIX}`;
}

const DEFAULT_FIX =
  "Mark the handler with @ChangesDatabase(), or wrap the write in ConnectionSelector.usePrimary(), or, for counters, last-seen times and logs, in ConnectionSelector.outside(); or set routing.onReplicaWrite to 'promote'. " +
  'If the handler writes nothing of the kind itself, a queue or a timer has lent its context to a job of others: bind that with ConnectionSelector.bind().';

/** A 503 of this library: no server that may answer could be reached in time. */
export abstract class UnavailableError extends ReplicatedError {
  /** HTTP status when the error reaches Nest. */
  readonly status = 503;
  /** The name under which Nest's own exception filter, and Fastify, look for it. */
  readonly statusCode = 503;
  /** As in http-errors: Nest answers "Service Unavailable", and keeps the message, which names servers, to the log. */
  readonly expose = false;
  /** Seconds after which a client may try again; sent as `Retry-After`. */
  readonly retryAfterSeconds = 1;
}

/** No replica can serve the read, and the primary may not (or may not now) serve it in their place. */
export class NoReplicaAvailableError extends UnavailableError {
  readonly code = 'ERR_REPLICATED_NO_REPLICA_AVAILABLE';
  override readonly name = 'NoReplicaAvailableError';

  constructor(message: string, options?: ErrorOptions) {
    super(`${message} ${seeDocs('ERR_REPLICATED_NO_REPLICA_AVAILABLE')}`, options);
  }
}

/** The primary is known to be down, so the write fails at once instead of after a time-out. */
export class PrimaryUnavailableError extends UnavailableError {
  readonly code = 'ERR_REPLICATED_PRIMARY_UNAVAILABLE';
  override readonly name = 'PrimaryUnavailableError';

  constructor(message: string, options?: ErrorOptions) {
    super(`${message} ${seeDocs('ERR_REPLICATED_PRIMARY_UNAVAILABLE')}`, options);
  }
}

/** `onConnect` has failed, or taken too long, for a new session, which was closed. No query was sent on it. */
export class SessionSetUpError extends ReplicatedError {
  readonly code = 'ERR_REPLICATED_SESSION_SET_UP';
  override readonly name = 'SessionSetUpError';

  constructor(message: string, options?: ErrorOptions) {
    super(`${message} ${seeDocs('ERR_REPLICATED_SESSION_SET_UP')}`, options);
  }
}

/** By its code, since the other build of this package has a class of its own. */
export function isSessionSetUpError(error: unknown): error is SessionSetUpError {
  return (error as Partial<SessionSetUpError> | undefined)?.code === SESSION_SET_UP;
}

const SESSION_SET_UP: SessionSetUpError['code'] = 'ERR_REPLICATED_SESSION_SET_UP';

/**
 * A part of the public API was called at a moment or in a way that cannot work, or `whenReplayed()` has run out of time; the
 * message says which.
 */
export class UsageError extends ReplicatedError {
  readonly code = 'ERR_REPLICATED_USAGE';
  override readonly name = 'UsageError';

  constructor(message: string, options?: ErrorOptions) {
    super(`${message} ${seeDocs('ERR_REPLICATED_USAGE')}`, options);
  }
}
