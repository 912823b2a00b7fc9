import type { Engine } from '../engine.js';
import type { Place } from '../position.js';

/**
 * For clusters of one server, whatever its database: nothing is routed, so nothing has to be known of it. Tokens that
 * come from elsewhere pass through as they are, and there is no replica that could lack what they stand for.
 */
export const unrouted: Engine = {
  positions: {
    envelopeVersion: 1,
    covers: () => true,
    merge: (a) => a,
    behind: () => 0,
    format: () => '',
    encode: ({ position }) => position as unknown as Uint8Array,
    decode: (bytes) => ({ position: Buffer.from(bytes) as unknown as Place['position'], history: undefined }),
  },
  isOlder: () => false,
  show: () => ({ position: undefined, timeline: undefined }),
  findings: {
    replicaAsPrimary: 'it is a replica, not the primary',
    formerPrimary: () => 'it is a former primary',
    primaryAsReplica: 'it is writable, not a replica',
    foreign: () => 'it is of another database cluster',
    diverged: 'it has replayed more than the primary has written',
  },
  probe: () => Promise.resolve({ role: 'unknown' }),
  probeRole: () => Promise.resolve({ role: 'unknown' }),
  refusesToTell: () => false,
  classify: () => 'query',
  refusedStatement: () => 'A statement',
  hasSeveralStatements: () => false,
  takesAdvisoryLock: () => false,
  mayWriteUntraced: () => false,
  bindsSession: () => undefined,
  readOnlySessions: (options) => [options],
  refusesReadOnlySession: () => false,
  identifiedSession: (options) => options,
  guardReads: (connection) => connection,
  primarySession: (options) => options,
  isInTransaction: () => undefined,
  mayBeEnding: () => false,
  rollBack: () => Promise.resolve(),
  readPosition: () => Promise.resolve(undefined),
  observeWrites: (connection) => connection,
};
