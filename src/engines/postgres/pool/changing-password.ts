import type { DriverOptions } from '../../../options/resolved-options.js';
import type { Checkouts } from './quick-checkout.js';

/**
 * A password that a function answers may change between its answer and the server's look at it. Whether a connection failed
 * for that, so that the function is to be asked once more.
 */
export function hasOldPassword(password: unknown, error: unknown): boolean {
  return typeof password === 'function' && (error as { code?: unknown } | undefined)?.code === '28P01';
}

/** Checkouts of a pool that ask its password once more. */
export function askingPasswordAgain(checkouts: Checkouts, password: unknown): Checkouts {
  if (typeof password !== 'function') return checkouts;
  return {
    connect: (done) =>
      checkouts.connect((error, client, release) => {
        if (hasOldPassword(password, error)) checkouts.connect(done);
        else done(error, client, release);
      }),
  };
}

/** Node-postgres prefers that of `extra`. */
export function passwordOf({ extra, password }: DriverOptions): unknown {
  return (extra as { readonly password?: unknown } | undefined)?.password ?? password;
}
