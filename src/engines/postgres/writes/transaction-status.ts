import type { PgClient } from '../pg-client.js';

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
  [KEY]?: ServerStatus;
}

const KEY = Symbol.for('nestjs-replicated.transaction-status');

/**
 * What the server says after every statement, so that it holds whoever begins and ends transactions, and however:
 * several statements in one text, procedures, COMMIT AND CHAIN. `undefined`: this client does not pass it on
 * (pg-native).
 */
export function transactionStatusOf(client: PgClient): TransactionStatus | undefined {
  return (client as ProtocolClient)[KEY] ?? listenTo(client as ProtocolClient);
}

/** One listener per connection, for all the query runners that it will serve. */
function listenTo(client: ProtocolClient): TransactionStatus | undefined {
  if (typeof client.connection?.on !== 'function') return undefined;
  const known = new ServerStatus();
  client.connection.on('readyForQuery', ({ status }) => {
    if (status) known.status = status;
  });
  Object.defineProperty(client, KEY, { value: known });
  return known;
}

class ServerStatus implements TransactionStatus {
  /** Idle: pools give connections out between transactions. */
  status = 'I';

  get isOpen(): boolean {
    return this.status !== 'I';
  }

  get isAborted(): boolean {
    return this.status === 'E';
  }
}
