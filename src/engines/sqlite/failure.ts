import type { FailureKind } from '../../engine.js';

interface DriverError {
  readonly code?: unknown;
  readonly driverError?: DriverError;
}

const BY_CODE: readonly (readonly [RegExp, FailureKind])[] = [
  [/^SQLITE_READONLY/, 'read-only'],
  [/^SQLITE_(?:CANTOPEN|NOTADB|PERM|AUTH)/, 'misconfigured'],
  [/^POOL_WAIT_TIMEOUT$/, 'overload'],
];

/** Tells apart what better-sqlite3 throws; TypeORM wraps it. */
export function classifySqliteFailure(error: unknown): FailureKind {
  const { code, driverError } = (error ?? {}) as DriverError;
  const said = String(driverError?.code ?? code);
  return BY_CODE.find(([pattern]) => pattern.test(said))?.[1] ?? 'query';
}
