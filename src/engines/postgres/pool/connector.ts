import type { Connector, PoolTerms, ProberTerms } from '../../../connector.js';
import type {
  DriverOptions,
  ResolvedMonitor,
  ResolvedNode,
  ResolvedOptions,
} from '../../../options/resolved-options.js';
import { limitsConnecting, silenceLimitMs, withConnectTimeout } from './with-connect-timeout.js';
import { withProgramName } from './with-program-name.js';
import { withKeepAlive } from './with-keep-alive.js';
import {
  NodePool,
  POOL_CLOSE_MS,
  poolSizes,
  type NodePoolDeps,
  type SessionSetup,
} from '../../pool/node-pool.js';
import { OwnPool } from '../../pool/own-pool.js';
import { Sockets } from '../../pool/sockets.js';
import { Aside } from '../../pool/ask-aside.js';
import { TypeormProber } from '../../pool/typeorm-prober.js';
import type { ActiveQuery } from '../internals.js';
import { classifyPostgresFailure, refusesToTell } from '../failure.js';
import { createProbe, probeRole } from '../probe.js';
import { withSetUp } from '../sessions/set-up-session.js';
import type { SetUpTerms } from '../../pool/set-up-session.js';
import { primarySession, type PrimaryTerms } from '../sessions/primary-session.js';
import { askWhetherAtWork, ownBackendOf } from '../sessions/backend.js';
import { reachedBy } from '../sessions/cancel.js';
import { identifiedSession, readOnlySessions, refusesStartupOption } from '../sessions/read-session.js';
import { hasOldPassword, passwordOf } from './changing-password.js';
import { cancel, connectRunner, giveBack, hasDied, usageOf } from './connections.js';
import { driverPools } from './driver-pools.js';
import { overSockets } from './over-sockets.js';
import type { SilenceTerms } from '../sessions/silence-limit.js';

/** node-postgres and pg-pool, as TypeORM uses them. */
export const connector: Connector = {
  ownSession(driver, { cluster, name, isRouted, ...terms }) {
    const setUp = setUpTerms(name, terms.isPrimary() ? 'writable' : 'read-only', terms);
    if (!isRouted) {
      return {
        options: withSetUp(driver, setUp),
        connections: new Sockets(),
        closeWithin: (close) => close(),
      };
    }
    const named = withProgramName(driver, [cluster, name, setUp.session]);
    const { options, sockets } = writableSession(named, terms, setUp);
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
  cancel,
  usageOf,
  // pg-query-stream tells of an error when the server is ready for another query, which it is not when it has ended the session.
  lastWordOf: (rows) => (rows as ActiveQuery).cursor?._error,
};

function createPools(settings: ResolvedNode, terms: PoolTerms): ReturnType<Connector['createPools']> {
  const { options, owner, own, ownConnections, newestHistory } = terms;
  const sizes = poolSizes(settings, options, poolSizeOf(settings.driver));
  const common = { owner, pools: driverPools, isRefused: refusesStartupOption };
  const reading = new Sockets();
  const nameFor = (driver: DriverOptions, session: string) =>
    withProgramName(driver, [options.name, settings.name, session]);
  const session = writableSession(
    nameFor(settings.driver, 'writable'),
    { ...options, newestHistory },
    setUpTerms(settings.name, 'writable', options),
  );
  const [first, ...others] = readingSessions(settings, terms);
  const setUp = setUpTerms(settings.name, 'read-only', options);
  const within = (driver: DriverOptions) =>
    sessionOf(
      overSockets(withSetUp(sized(nameFor(driver, 'read-only'), sizes['read-only']), setUp), reading),
    );
  const readingSetup: NodePoolDeps = {
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
            sessions: [sessionOf(sized(session.options, sizes.writable))],
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
    silence: silenceTerms(driver, monitor),
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
  terms: PrimaryTerms & Pick<ResolvedOptions, 'monitor'>,
  setUp: SetUpTerms,
): { readonly options: DriverOptions; readonly sockets: Sockets } {
  const sockets = new Sockets(limitsConnecting(driver) ? undefined : terms.monitor.connectTimeoutMs);
  const options = withSetUp(withKeepAlive(primarySession(driver, terms)), setUp);
  return { options: overSockets(options, sockets), sockets };
}

function sessionOf(options: DriverOptions): SessionSetup {
  const password = passwordOf(options);
  return { options, mayOpenAgain: (error) => hasOldPassword(password, error) };
}

function setUpTerms(
  node: string,
  session: SetUpTerms['session'],
  { onConnect, monitor }: Pick<ResolvedOptions, 'onConnect' | 'monitor'>,
): SetUpTerms {
  return { node, session, onConnect, limitMs: monitor.connectTimeoutMs };
}

function createProber(
  { name, driver }: ResolvedNode,
  { cluster, monitor, onIdentity, onModest, ...told }: ProberTerms,
): TypeormProber {
  const named = withProgramName(driver, [cluster, name, 'monitor']);
  const options = probeOptions(identifiedSession(named, onIdentity), monitor);
  return new TypeormProber({
    session: (sockets) => sessionOf(overSockets(options, sockets)),
    ...createProbe(told),
    probeRole,
    refusesToTell,
    classify: classifyPostgresFailure,
    onModest,
  });
}

function silenceTerms(driver: DriverOptions, monitor: ResolvedMonitor): SilenceTerms | undefined {
  const limitMs = silenceLimitMs(driver, monitor.queryTimeoutMs);
  if (limitMs === undefined) return undefined;
  const options = probeOptions(driver, monitor);
  const aside = new Aside({
    session: (sockets, reached) => ({ options: overSockets(options, sockets, reached) }),
    timeoutMs: monitor.connectTimeoutMs,
  });
  const isAtWork: SilenceTerms['isAtWork'] = async (client) => {
    const backend = ownBackendOf(client);
    if (!backend) return false;
    return (await aside.ask(reachedBy(client), (run) => askWhetherAtWork(backend, run))) ?? false;
  };
  return { limitMs, isAtWork };
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
