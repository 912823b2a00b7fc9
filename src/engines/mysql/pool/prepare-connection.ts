import type { Readable } from 'node:stream';
import { isOkPacket, stateOf, type Command, type MysqlConnection } from '../connection.js';

/**
 * Prepares a new connection for its pool. mysql2 does not tell a query that is read as a stream when its connection is lost,
 * reads on when its reader has left, and ends the process by an `error` that nobody listens to.
 */
export function prepareConnection(connection: MysqlConnection): void {
  const state = stateOf(connection);
  const streams = new Set<Command>();
  const died = (error?: unknown): void => {
    state.isDead = true;
    for (const command of streams) {
      streams.delete(command);
      if (command.listenerCount('error') > 0) command.emit('error', error ?? lost());
    }
  };
  connection.on('error', died).on('end', () => died());
  const query = connection.query.bind(connection);
  connection.query = (...args) => {
    const command = query(...args);
    if (!command.onResult) follow(command, streams, connection);
    if (mayMoveTransaction(command.sql))
      command.on('result', (result) => {
        if (isOkPacket(result)) state.serverStatus = result.serverStatus;
      });
    return command;
  };
}

/** On the way of every query: most are a SELECT, which neither begins nor ends a transaction. */
function mayMoveTransaction(sql = ''): boolean {
  return !sql.startsWith('SELECT ') || sql.includes(';');
}

/** Until it ends. When its reader leaves before, the rest is for nobody: the server stops when its connection is gone. */
function follow(command: Command, streams: Set<Command>, connection: MysqlConnection): void {
  const state = stateOf(connection);
  streams.add(command);
  command.once('end', () => streams.delete(command));
  const stream = command.stream?.bind(command);
  if (!stream) return;
  command.stream = (options) => {
    const rows = stream(options) as Readable;
    return rows.once('close', () => {
      if (!streams.delete(command)) return;
      state.backend?.cancel();
      connection.stream.destroy();
    });
  };
}

function lost(): Error {
  return Object.assign(new Error('Connection lost: The server closed the connection.'), {
    code: 'PROTOCOL_CONNECTION_LOST',
    fatal: true,
  });
}
