import mysql2 from 'mysql2';

/** mysql2 as it was before 3.4.0: it says nothing of the GTIDs that a server tells. */
export function oldMysql2(): unknown {
  return Object.create(mysql2, {
    createPool: {
      value: (options: mysql2.PoolOptions) => {
        const pool = mysql2.createPool(options);
        pool.on('connection', forgetGtids);
        return pool;
      },
    },
  });
}

interface Command {
  prependListener(event: 'result', listener: (result: unknown) => void): void;
  onResult?: (error: unknown, result: unknown, ...more: unknown[]) => void;
}

function forgetGtids(connection: unknown): void {
  const queried = connection as { query(...args: unknown[]): Command };
  const query = queried.query.bind(connection);
  queried.query = (...args) => {
    const command = query(...args);
    const { onResult } = command;
    if (onResult)
      command.onResult = (error, result, ...more) => onResult(error, (forget(result), result), ...more);
    command.prependListener('result', forget);
    return command;
  };
}

function forget(result: unknown): void {
  const { stateChanges } = (result ?? {}) as { readonly stateChanges?: { gtids?: unknown } };
  if (stateChanges) delete stateChanges.gtids;
}
