import type { PgClient } from './pg-client.js';

/** Whether a session is inside a transaction. */
export interface TransactionStatus {
  readonly isOpen: boolean;
  /** Whether the open transaction has failed, so that only its end is accepted. */
  readonly isAborted: boolean;
}

interface ProtocolClient extends PgClient {
  readonly connection?: {
    on(event: 'readyForQuery', listener: (message: { status?: string }) => void): void;
  };
  [KEY]?: { status: string };
}

const KEY = Symbol.for('nestjs-replicated.transaction-status');

/**
 * What the server says after every statement, so that it holds whoever begins and ends transactions, and however:
 * several statements in one text, procedures, COMMIT AND CHAIN. `undefined`: this client does not pass it on
 * (pg-native).
 */
export function transactionStatusOf(client: PgClient): TransactionStatus | undefined {
  const known = listenTo(client as ProtocolClient);
  return (
    known && {
      get isOpen() {
        return known.status !== 'I';
      },
      get isAborted() {
        return known.status === 'E';
      },
    }
  );
}

/** One listener per connection, for all the query runners that it will serve. */
function listenTo(client: ProtocolClient): { readonly status: string } | undefined {
  if (client[KEY] || typeof client.connection?.on !== 'function') return client[KEY];
  // Pools give connections out between transactions.
  const known = { status: 'I' };
  client.connection.on('readyForQuery', ({ status }) => {
    if (status) known.status = status;
  });
  Object.defineProperty(client, KEY, { value: known });
  return known;
}
