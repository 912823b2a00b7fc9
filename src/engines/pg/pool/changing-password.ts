import type { DriverOptions } from '../../../options/resolved-options.js';

/**
 * Whether a connection was refused for a password that a function has answered: it may have been changed between the answer
 * and the server's look at it, so that the function is asked once more.
 */
export function hasOldPassword(password: unknown, error: unknown): boolean {
  return typeof password === 'function' && (error as { code?: unknown } | undefined)?.code === '28P01';
}

/** Node-postgres prefers that of `extra`. */
export function passwordOf({ extra, password }: DriverOptions): unknown {
  return (extra as { readonly password?: unknown } | undefined)?.password ?? password;
}
