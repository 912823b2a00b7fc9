import type { Engine } from '../../engine.js';
import type { Place } from '../../position.js';
import { driverRules } from '../pg/driver-rules.js';
import { classifyPgFailure } from '../pg/failure.js';
import { pgSessions } from '../pg/pg-sessions.js';
import { createConnector } from '../pg/pool/connector.js';
import { ownBackendOf } from '../pg/sessions/backend.js';
import { observePgWrites, unobserved } from '../pg/writes/observed-client.js';
import { findings } from './findings.js';
import { lsnOf, positions, timelineOf } from './positions.js';
import { createProbe } from './probe.js';
import { compareServers } from './server-identity.js';
import { askWhetherAtWork } from './sessions/backend.js';
import { primarySession } from './sessions/primary-session.js';
import { identifiedSession, readOnlySessions } from './sessions/read-session.js';
import { takeReadPosition, WritePosition } from './writes/write-position.js';

function show({ position, history }: Place): ReturnType<Engine['show']> {
  return {
    position: position === undefined ? undefined : lsnOf(position),
    timeline: history === undefined ? undefined : timelineOf(history),
  };
}

/** PostgreSQL 14 and later, with node-postgres. */
export const postgres: Engine = {
  ...pgSessions,
  positions,
  isOlder: (history, than) => timelineOf(history) < timelineOf(than),
  show,
  findings,
  compareServers,
  connector: createConnector({
    primarySession,
    readOnlySessions,
    identifiedSession,
    createProbe,
    classify: classifyPgFailure,
    askWhetherAtWork,
  }),
  driverRules,
  classify: classifyPgFailure,
  mayReadAt: (isolation) => isolation !== 'SERIALIZABLE',
  readPosition: (connection) => takeReadPosition(unobserved(connection)),
  serverOf: (connection) => ownBackendOf(unobserved(connection))?.serverId,
  observeWrites: (connection, watch) =>
    observePgWrites(connection, watch, (client) => new WritePosition(client)),
};
