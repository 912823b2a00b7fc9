import type { DriverOptions } from '../../../options/resolved-options.js';

/** The hook of pg-pool which gets every connection that was just opened before anybody else; an error refuses it. */
export type Verify<Client> = (client: Client, done: (error?: Error | null) => void) => void;

/** Options with which `verify` sees every new connection; a hook of the application's own comes after it. */
export function withVerify<Client>(options: DriverOptions, verify: Verify<Client>): DriverOptions {
  const extra = (options['extra'] ?? {}) as { readonly verify?: Verify<Client> };
  const { verify: own } = extra;
  const both: Verify<Client> = (client, done) =>
    verify(client, (error) => (error || !own ? done(error) : own(client, done)));
  return { ...options, extra: { ...extra, verify: both } };
}
