import type { DriverOptions } from '../../../options/resolved-options.js';
import type { PgClient } from '../internals.js';

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

/** Options with which every new connection is asked a question before its use, and judged by the row of the answer. */
export function withQuestion<Row>(
  options: DriverOptions,
  sql: string,
  judge: (client: PgClient, row: Row) => Error | undefined,
): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    client.query(sql, (error: Error | null, result?: { readonly rows: readonly Row[] }) => {
      const row = result?.rows[0];
      done(error ?? (row && judge(client, row)));
    });
  });
}
