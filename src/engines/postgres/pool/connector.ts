import type { Connector, PoolTerms, ProberTerms } from '../../../connector.js';
import type { DriverOptions, ResolvedMonitor, ResolvedNode } from '../../../options/resolved-options.js';
import { limitsConnecting, silenceLimitMs, withConnectTimeout } from './with-connect-timeout.js';
import { withKeepAlive } from './with-keep-alive.js';
import { NodePool, POOL_CLOSE_MS, poolSizes, type NodePoolSetup } from '../../pool/node-pool.js';
import { OwnPool } from '../../pool/own-pool.js';
import { Sockets } from '../../pool/sockets.js';
import { TypeormProber } from '../../pool/typeorm-prober.js';
import type { ActiveQuery } from '../internals.js';
import { classifyPostgresFailure, refusesToTell } from '../failure.js';
import { probe, probeRole } from '../probe.js';
import { primarySession, type PrimaryTerms } from '../sessions/primary-session.js';
import { identifiedSession, readOnlySessions, refusesStartupOption } from '../sessions/read-session.js';
import { connectRunner, giveBack, hasDied, usageOf } from './connections.js';
import { driverPools } from './driver-pools.js';
import { overSockets } from './over-sockets.js';

/** node-postgres and pg-pool, as TypeORM uses them. */
export const connector: Connector = {
  ownSession(driver, { monitor, ...terms }) {
    const { options, sockets } = writableSession(driver, monitor, terms);
    return {
      options,
      connections: sockets,
      closeWithin: (close) => sockets.closeWithin(close, POOL_CLOSE_MS),
    };
  },
  createPools,
  createProber,
  connect: connectRunner,
  hasDied,
  giveBack,
  usageOf,
  // pg-query-stream tells of an error when the server is ready for another query, which it is not when it has ended the session.
  lastWordOf: (rows) => (rows as ActiveQuery).cursor?._error,
};

function createPools(settings: ResolvedNode, terms: PoolTerms): ReturnType<Connector['createPools']> {
  const { options, owner, own, ownConnections, newestHistory } = terms;
  const { monitor } = options;
  const sizes = poolSizes(settings, options, poolSizeOf(settings.driver));
  const common = { owner, pools: driverPools, isRefused: refusesStartupOption };
  const reading = new Sockets();
  const session = writableSession(settings.driver, monitor, { newestHistory });
  const [first, ...others] = readingSessions(settings, terms);
  const within = (driver: DriverOptions) => ({
    options: overSockets(sized(driver, sizes['read-only']), reading),
  });
  const readingSetup: NodePoolSetup = {
    ...common,
    sessions: [within(first), ...others.map(within)],
    size: sizes['read-only'],
    sockets: reading,
  };
  return {
    writable:
      settings === own
        ? new OwnPool({ ...common, size: sizes.writable, connections: ownConnections ?? new Sockets() })
        : new NodePool({
            ...common,
            sessions: [{ options: sized(session.options, sizes.writable) }],
            size: sizes.writable,
            sockets: session.sockets,
          }),
    'read-only': new NodePool(readingSetup),
  };
}

/** In the primary's place nothing else may be read, either: its connections do not ask what the server has replayed. */
function readingSessions(
  { driver, readOnly }: ResolvedNode,
  { options: { monitor }, newestHistory, isPrimary, onIdentity, onRoleHint }: PoolTerms,
): ReturnType<typeof readOnlySessions> {
  const limited = withConnectTimeout(driver, monitor.connectTimeoutMs);
  return readOnlySessions(primarySession(limited, { newestHistory, isPrimary }), {
    means: readOnly,
    silenceMs: silenceLimitMs(driver, monitor.queryTimeoutMs),
    onIdentity,
    onRoleHint,
  });
}

/**
 * A writable session of a primary: proves its role when it is opened, notices a vanished server by itself, and is
 * given up when the server says nothing. Neither waiting for a free connection nor a statement is limited, as in plain
 * TypeORM: a write that takes long is no failure.
 */
function writableSession(
  driver: DriverOptions,
  { connectTimeoutMs }: ResolvedMonitor,
  terms: PrimaryTerms,
): { readonly options: DriverOptions; readonly sockets: Sockets } {
  const sockets = new Sockets(limitsConnecting(driver) ? undefined : connectTimeoutMs);
  return { options: overSockets(withKeepAlive(primarySession(driver, terms)), sockets), sockets };
}

function createProber(
  { driver }: ResolvedNode,
  { monitor, onIdentity, onModest }: ProberTerms,
): TypeormProber {
  const options = probeOptions(identifiedSession(driver, onIdentity), monitor);
  return new TypeormProber({
    session: (sockets) => ({ options: overSockets(options, sockets) }),
    probe,
    probeRole,
    refusesToTell,
    classify: classifyPostgresFailure,
    onModest,
  });
}

/** Of a prober's connection: one, short-lived on trouble, silent. */
function probeOptions(
  options: DriverOptions,
  { timeoutMs, connectTimeoutMs }: Pick<ResolvedMonitor, 'timeoutMs' | 'connectTimeoutMs'>,
): DriverOptions {
  // The probe loop keeps the time, and may allow more of it; these only see to it that nothing hangs.
  const limitMs = 4 * Math.max(timeoutMs, connectTimeoutMs);
  const { extra } = sized(options, 1) as { readonly extra: object };
  return {
    ...options,
    poolSize: 1,
    logging: false,
    logger: undefined, // the application's own hears of everything, whatever `logging` says
    connectTimeoutMS: limitMs,
    maxQueryExecutionTime: undefined,
    extra: { ...extra, connectionTimeoutMillis: limitMs, query_timeout: limitMs },
  };
}

/** In the order of node-postgres and TypeORM: `extra` wins. */
function poolSizeOf({ extra, poolSize }: DriverOptions): number {
  const { max } = (extra ?? {}) as { max?: number };
  return max ?? (poolSize as number | undefined) ?? 10;
}

function sized(options: DriverOptions, max: number): DriverOptions {
  return { ...options, extra: { ...(options['extra'] as object | undefined), max } };
}
