import type { QueryRunner } from 'typeorm';
import type { Connector, PoolTerms, ProberTerms } from '../../../connector.js';
import type { DriverOptions, ResolvedMonitor, ResolvedNode } from '../../../options/resolved-options.js';
import { NodePool, POOL_CLOSE_MS, poolSizes, type SessionSetup } from '../../pool/node-pool.js';
import { Aside } from '../../pool/ask-aside.js';
import { OwnPool } from '../../pool/own-pool.js';
import { Sockets } from '../../pool/sockets.js';
import { setUpTerms } from '../../pool/set-up-session.js';
import { TypeormProber } from '../../pool/typeorm-prober.js';
import { stateOf, type MysqlConnection } from '../connection.js';
import { classifyMysqlFailure, refusesToTell } from '../failure.js';
import { probe, probeRole } from '../probe.js';
import {
  asApplied,
  commitByItself,
  identify,
  inTurn,
  provePrimary,
  readOnly,
  trackWrites,
  type PrimaryTerms,
  type SetUp,
} from '../sessions/set-up.js';
import { DEFAULTS_SQL } from '../server-sql.js';
import { askKind, type ServerKind } from '../server-kind.js';
import { unobserved } from '../writes/observed-connection.js';
import { limitsConnecting, ofProber, poolSizeOf, sized, withConnectTimeout } from './driver-options.js';
import { driverPools, type MysqlDriver } from './driver-pools.js';
import { discard, hookPools } from './hook-pool.js';
import { overSockets } from './over-sockets.js';
import { limitSilence } from './silence-limit.js';

/** mysql2 and its pool, as TypeORM uses them. */
export const connector: Connector = {
  ownSession(driver, { name, isRouted, isPrimary, ...terms }) {
    const applied = asApplied(setUpTerms(name, isPrimary() ? 'writable' : 'read-only', terms));
    if (!isRouted)
      return {
        ...hooked(driver, inTurn(applied), undefined),
        connections: new Sockets(),
        closeWithin: (close) => close(),
      };
    const { session, sockets } = writableSession(driver, terms.monitor, { applied, isPrimary, ...terms });
    return {
      ...session,
      connections: sockets,
      closeWithin: (close) => sockets.closeWithin(close, POOL_CLOSE_MS),
    };
  },
  createPools,
  createProber,
  connect,
  hasDied: (runner) => isDead(connectionOf(runner)),
  giveBack,
  cancel,
  lastWordOf: () => undefined,
};

function createPools(settings: ResolvedNode, terms: PoolTerms): ReturnType<Connector['createPools']> {
  const { options, owner, ownConnections } = terms;
  const { driver } = settings;
  const sizes = poolSizes(settings, options, poolSizeOf(driver));
  const common = { owner, pools: driverPools, isRefused: () => false };
  const reading = new Sockets();
  const applied = asApplied(setUpTerms(settings.name, 'writable', options));
  const writable = writableSession(sized(driver, sizes.writable), options.monitor, {
    applied,
    newestHistory: terms.newestHistory,
  });
  return {
    writable:
      settings === terms.own
        ? new OwnPool({ ...common, size: sizes.writable, connections: ownConnections ?? new Sockets() })
        : new NodePool({
            ...common,
            sessions: [writable.session],
            size: sizes.writable,
            sockets: writable.sockets,
          }),
    'read-only': new NodePool({
      ...common,
      sessions: [readingSession({ ...settings, driver: sized(driver, sizes['read-only']) }, reading, terms)],
      size: sizes['read-only'],
      sockets: reading,
    }),
  };
}

function readingSession({ name, driver }: ResolvedNode, sockets: Sockets, terms: PoolTerms): SessionSetup {
  const { onIdentity } = terms;
  const { connectTimeoutMs, queryTimeoutMs } = terms.options.monitor;
  // In the primary's place nothing else may be read, either: its connections do not ask what the server has replayed.
  const setUp = inTurn(
    limitSilence(queryTimeoutMs),
    asApplied(setUpTerms(name, 'read-only', terms.options)),
    commitByItself,
    provePrimary(terms),
    readOnly,
    identify(onIdentity, asideOf(driver, terms.options.monitor)),
  );
  return hooked(overSockets(withConnectTimeout(driver, connectTimeoutMs), sockets), setUp, connectTimeoutMs);
}

function asideOf(driver: DriverOptions, { connectTimeoutMs }: ResolvedMonitor): Aside {
  const options = ofProber(driver, connectTimeoutMs);
  return new Aside({
    session: (sockets, reached) => hooked(overSockets(options, sockets, reached), inTurn(), connectTimeoutMs),
    timeoutMs: connectTimeoutMs,
  });
}

/**
 * A writable session of a primary: proves its role when it is opened, and is given up when the server says nothing then.
 * Neither waiting for a free connection nor a statement is limited, as in plain TypeORM: a write that takes long is no failure.
 */
function writableSession(
  driver: DriverOptions,
  { connectTimeoutMs }: ResolvedMonitor,
  { applied, ...proof }: PrimaryTerms & { readonly applied: SetUp | undefined },
): { readonly session: SessionSetup & Required<Pick<SessionSetup, 'prepare'>>; readonly sockets: Sockets } {
  const sockets = new Sockets(limitsConnecting(driver) ? undefined : connectTimeoutMs);
  const setUp = inTurn(applied, commitByItself, provePrimary(proof), trackWrites);
  return { session: hooked(overSockets(driver, sockets), setUp, undefined), sockets };
}

function hooked(
  options: DriverOptions,
  setUp: SetUp,
  waitMs: number | undefined,
): SessionSetup & Required<Pick<SessionSetup, 'prepare'>> {
  return { options, prepare: (dataSource) => hookPools(dataSource, { setUp, waitMs }) };
}

function createProber(
  { driver }: ResolvedNode,
  { monitor, onIdentity, onModest, onWeakness, onDefaults }: ProberTerms,
): TypeormProber {
  // The probe loop keeps the time, and may allow more of it; this only sees to it that nothing hangs.
  const limitMs = 4 * Math.max(monitor.timeoutMs, monitor.connectTimeoutMs);
  let kind: ServerKind | undefined;
  const learnKind: SetUp = async (connection) => {
    kind = await askKind(connection);
    if (kind.weakness !== undefined) onWeakness(kind.weakness);
  };
  const setUp = inTurn(limitSilence(limitMs), commitByItself, identify(onIdentity), learnKind);
  const options = ofProber(driver, limitMs);
  return new TypeormProber({
    session: (sockets) => hooked(overSockets(options, sockets), setUp, limitMs),
    probe: (run) => probe(run, { kind, onWeakness }),
    probeRole,
    refusesToTell,
    classify: classifyMysqlFailure,
    onModest,
    learn: async (run) => onDefaults((await run(DEFAULTS_SQL))[0] ?? {}),
  });
}

/** What TypeORM's runners of the family keep to themselves. */
interface MysqlRunner {
  driver: MysqlDriver;
  isReleased: boolean;
  databaseConnection?: unknown;
}

function partsOf(runner: QueryRunner): MysqlRunner {
  return runner as unknown as MysqlRunner;
}

function connectionOf(runner: QueryRunner): MysqlConnection | undefined {
  const { databaseConnection } = partsOf(runner);
  return databaseConnection === undefined ? undefined : unobserved(databaseConnection);
}

function isDead(connection: MysqlConnection | undefined): boolean {
  return connection !== undefined && stateOf(connection).isDead;
}

function connect(runner: QueryRunner, driver: unknown): Promise<unknown> {
  const parts = partsOf(runner);
  parts.driver = driver as MysqlDriver;
  const { pool } = parts.driver;
  if (!pool) return Promise.reject(new Error('Pool is closed.'));
  return new Promise((resolve, reject) => {
    pool.getConnection((error, connection) => {
      if (error) return reject(error as Error);
      parts.databaseConnection = connection;
      resolve(connection);
    });
  });
}

function giveBack(runner: QueryRunner, whyUnusable?: unknown): void {
  const connection = connectionOf(runner);
  partsOf(runner).isReleased = true;
  if (!connection) return;
  if (whyUnusable === undefined) return connection.release();
  cancel(runner);
  discard(connection);
}

function cancel(runner: QueryRunner): boolean {
  const connection = connectionOf(runner);
  if (!connection?._command || isDead(connection)) return false;
  const { backend } = stateOf(connection);
  backend?.cancel();
  return backend !== undefined;
}
