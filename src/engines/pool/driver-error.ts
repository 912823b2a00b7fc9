/** What drivers say of a failure, each in its own way. */
export interface DriverError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly driverError?: unknown;
  readonly errors?: readonly unknown[];
}

/** The driver's own error: TypeORM wraps it, and Node collects the failures of several addresses in one. */
export function driverErrorOf<E extends DriverError>(error: unknown): Partial<E> {
  const failure = (error ?? {}) as Partial<E>;
  const inner = failure.driverError || failure.errors?.[0];
  return inner ? driverErrorOf(inner) : failure;
}
