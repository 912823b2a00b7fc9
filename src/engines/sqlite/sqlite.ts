import type { Engine } from '../../engine.js';
import { connector } from './connector.js';
import type { Database } from './database.js';
import { driverRules } from './driver-rules.js';
import { classifySqliteFailure } from './failure.js';
import { observeSqliteWrites } from './observed-database.js';
import { positions, THERE } from './place.js';
import { refusedStatement, traitsOf } from './sql-text.js';

/** SQLite with better-sqlite3, for tests: its replicas are sessions on the primary's own file that only read. */
export const sqlite: Engine = {
  positions,
  isOlder: undefined,
  show: () => ({ position: undefined, timeline: undefined }),
  // No file says any of this of itself.
  findings: {
    replicaAsPrimary: 'it is a replica, not the primary',
    formerPrimary: () => 'it is a former primary',
    primaryAsReplica: 'it is writable, not a replica',
    foreign: () => 'it is another file',
    diverged: 'it has what the primary never wrote',
  },
  compareServers: () => 'same',
  connector,
  driverRules,
  classify: classifySqliteFailure,
  refusedStatement,
  hasSeveralStatements: () => false, // which better-sqlite3 refuses
  traitsOf,
  mayWriteUntraced: () => false,
  mayReadAt: () => true,
  isInTransaction: (connection) => (connection as Database).inTransaction,
  mayBeEnding: () => false,
  rollBack: async (connection) => void (connection as Database).exec('ROLLBACK'),
  readPosition: () => Promise.resolve(THERE.position),
  observeWrites: observeSqliteWrites,
  openQuestion: () => undefined, // seen with each statement
};
