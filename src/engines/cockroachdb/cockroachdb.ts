import type { Engine } from '../../engine.js';
import { PLACE_BYTES, type Positions } from '../../position.js';
import { createConnector } from '../pg/pool/connector.js';
import { pgSessions } from '../pg/pg-sessions.js';
import { unrouted } from '../unrouted.js';
import { driverRules } from './driver-rules.js';
import { classifyCockroachFailure } from './failure.js';
import { observeWrites } from './observe-writes.js';
import { createProbe } from './probe.js';
import { presentSession, primarySession, readOnlySessions } from './sessions.js';

/** No node tells a place in a log: tokens say when something was written. */
const positions: Positions = {
  envelopeVersion: 1,
  covers: () => false,
  merge: (a) => a,
  measure: 'transactions',
  behind: () => 0,
  format: () => '',
  encode: () => new Uint8Array(PLACE_BYTES),
  decode: () => ({ position: undefined, history: undefined }),
};

/**
 * CockroachDB with node-postgres. Every node can be written and reads what was committed; the sessions that read replicas
 * use follower reads, which are some seconds old and come from wherever the data is nearest.
 */
export const cockroachdb: Engine = {
  ...unrouted, // no server says of itself what it is
  ...pgSessions,
  positions,
  areServersAlike: true,
  connector: createConnector({
    primarySession,
    readOnlySessions,
    identifiedSession: presentSession,
    createProbe,
    classify: classifyCockroachFailure,
  }),
  driverRules,
  classify: classifyCockroachFailure,
  observeWrites,
};
