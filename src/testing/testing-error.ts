/**
 * Stable codes of the errors which the testing entry point raises itself.
 *
 * - `ERR_TESTING_UNSUPPORTED`: this platform, or this version of the database, cannot be used, or its npm package is missing
 * - `ERR_TESTING_NO_BINARIES`: no usable PostgreSQL or MariaDB was found
 * - `ERR_TESTING_BAD_OPTION`: an option has a value that cannot work
 * - `ERR_TESTING_START`: a server did not start; the message ends with its log
 * - `ERR_TESTING_PORT_TAKEN`: another process listens on the node's port
 * - `ERR_TESTING_NODE_STATE`: the node is stopped, frozen or running when it must not be
 * - `ERR_TESTING_TIMEOUT`: a condition did not hold in time
 */
export type TestingErrorCode =
  | 'ERR_TESTING_UNSUPPORTED'
  | 'ERR_TESTING_NO_BINARIES'
  | 'ERR_TESTING_BAD_OPTION'
  | 'ERR_TESTING_START'
  | 'ERR_TESTING_PORT_TAKEN'
  | 'ERR_TESTING_NODE_STATE'
  | 'ERR_TESTING_TIMEOUT';

/**
 * What the testing entry point throws. Tell errors apart by `code`, not by `instanceof`.
 *
 * @example
 * await startPostgresCluster({ binaries: '/nowhere' }).catch((error: TestingError) => error.code);
 * // 'ERR_TESTING_NO_BINARIES'
 */
export class TestingError extends Error {
  override readonly name = 'TestingError';

  constructor(
    readonly code: TestingErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether `error` carries `code`. Not by `instanceof`: under jest, errors of Node itself are of another realm. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

/** The text of anything that was thrown. An AggregateError (localhost refused on both families) has no message. */
export function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.map(describeError).join('; ');
  return 'message' in error ? String(error.message) : String(error);
}
