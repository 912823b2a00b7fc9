import type { Engine } from '../../engine.js';
import { isOpen, stateOf, type Done } from './connection.js';
import { classifyMysqlFailure } from './failure.js';
import { findings } from './findings.js';
import { driverRules } from './driver-rules.js';
import { connector } from './pool/connector.js';
import { isFormer, positions } from './positions.js';
import { takeReadPosition } from './probe.js';
import { compareServers } from './server-sql.js';
import { hasSeveralStatements, mayWriteUntraced, refusedStatement, traitsOf } from './sql-text.js';
import { observeMysqlWrites, openQuestion, unobserved } from './writes/observed-connection.js';

function isInTransaction(connection: unknown): boolean {
  return isOpen(stateOf(unobserved(connection)).serverStatus);
}

/** Also where the session was left with autocommit off: each statement would begin another one. */
function rollBack(connection: unknown): Promise<void> {
  const raw = unobserved(connection);
  return new Promise((resolve, reject) => {
    const done: Done = (error) => (error ? reject(error as Error) : resolve());
    raw.query('ROLLBACK', ((error) =>
      error || !isInTransaction(raw) ? done(error) : raw.query('SET SESSION autocommit = 1', done)) as Done);
  });
}

/** MariaDB and MySQL, with mysql2: the server tells which of them it is. */
export const mysql: Engine = {
  positions,
  isOlder: undefined, // a former primary goes on with the same numbers
  isFormer,
  show: () => ({ position: undefined, timeline: undefined }),
  findings,
  compareServers,
  connector,
  driverRules,
  classify: classifyMysqlFailure,
  refusedStatement,
  hasSeveralStatements,
  traitsOf,
  mayWriteUntraced,
  mayReadAt: (isolation) => isolation !== 'SERIALIZABLE', // what it reads is locked, and replay waits for it
  isInTransaction,
  mayBeEnding: () => false,
  rollBack,
  readPosition: (connection) => takeReadPosition(unobserved(connection)),
  serverOf: (connection) => stateOf(unobserved(connection)).backend?.serverId,
  observeWrites: observeMysqlWrites,
  openQuestion,
};
