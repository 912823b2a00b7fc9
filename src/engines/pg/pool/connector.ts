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
import type { ActiveQuery, PgClient } from '../internals.js';
import type { PgServer, PrimaryTerms } from '../pg-server.js';
import { withSetUp } from '../sessions/set-up-session.js';
import { setUpTerms, type SetUpTerms } from '../../pool/set-up-session.js';
import { ownBackendOf } from '../sessions/backend.js';
import { reachedBy } from '../sessions/cancel.js';
import { refusesStartupSettings } from '../sessions/startup-settings.js';
import { hasOldPassword, passwordOf } from './changing-password.js';
import { cancel, connectRunner, giveBack, hasDied } from './connections.js';
import { driverPools } from './driver-pools.js';
import { overSockets } from './over-sockets.js';
import { limitSilence, type SilenceTerms } from '../sessions/silence-limit.js';

/** node-postgres and pg-pool, as TypeORM uses them, before servers of one kind. */
export function createConnector(server: PgServer): Connector {
  return {
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
      const { options, sockets } = writableSession(server, named, { ...terms, setUp });
      return {
        options,
        connections: sockets,
        closeWithin: (close) => sockets.closeWithin(close, POOL_CLOSE_MS),
      };
    },
    createPools: (settings, terms) => createPools(server, settings, terms),
    createProber: (settings, terms) => createProber(server, settings, terms),
    connect: connectRunner,
    hasDied,
    giveBack,
    cancel,
    // pg-query-stream tells of an error when the server is ready for another query, which it is not when it has ended the session.
    lastWordOf: (rows) => (rows as ActiveQuery).cursor?._error,
  };
}

function createPools(
  server: PgServer,
  settings: ResolvedNode,
  terms: PoolTerms,
): ReturnType<Connector['createPools']> {
  const { options, owner, own, ownConnections, newestHistory } = terms;
  const sizes = poolSizes(settings, options, poolSizeOf(settings.driver));
  const common = { owner, pools: driverPools, isRefused: refusesStartupSettings };
  const reading = new Sockets();
  const nameFor = (driver: DriverOptions, session: string) =>
    withProgramName(driver, [options.name, settings.name, session]);
  const session = writableSession(server, nameFor(settings.driver, 'writable'), {
    ...options,
    newestHistory,
    setUp: setUpTerms(settings.name, 'writable', options),
  });
  const [first, ...others] = readingSessions(server, settings, terms);
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
  server: PgServer,
  { driver, readOnly }: ResolvedNode,
  { options: { monitor }, newestHistory, isPrimary, onIdentity, onRoleHint }: PoolTerms,
): ReturnType<PgServer['readOnlySessions']> {
  const limited = withConnectTimeout(driver, monitor.connectTimeoutMs);
  const ofPrimary = server.primarySession(limited, { newestHistory, isPrimary });
  const terms = { means: readOnly, onIdentity, onRoleHint };
  const silence = silenceTerms(server, driver, monitor);
  const within = (options: DriverOptions) => (silence ? limitSilence(options, silence) : options);
  const [first, ...others] = server.readOnlySessions(ofPrimary, terms);
  return [within(first), ...others.map(within)];
}

interface WritableTerms extends PrimaryTerms, Pick<ResolvedOptions, 'monitor'> {
  readonly setUp: SetUpTerms;
}

/**
 * A writable session of a primary: proves its role when it is opened, notices a vanished server by itself, and is
 * given up when the server says nothing. Neither waiting for a free connection nor a statement is limited, as in plain
 * TypeORM: a write that takes long is no failure.
 */
function writableSession(
  server: PgServer,
  driver: DriverOptions,
  { setUp, monitor, ...terms }: WritableTerms,
): { readonly options: DriverOptions; readonly sockets: Sockets } {
  const sockets = new Sockets(limitsConnecting(driver) ? undefined : monitor.connectTimeoutMs);
  const options = withSetUp(withKeepAlive(server.primarySession(driver, terms)), setUp);
  return { options: overSockets(options, sockets), sockets };
}

function sessionOf(options: DriverOptions): SessionSetup {
  const password = passwordOf(options);
  return { options, mayOpenAgain: (error) => hasOldPassword(password, error) };
}

function createProber(
  server: PgServer,
  { name, driver }: ResolvedNode,
  { cluster, monitor, onIdentity, onModest, ...told }: ProberTerms,
): TypeormProber {
  const named = withProgramName(driver, [cluster, name, 'monitor']);
  const options = probeOptions(server.identifiedSession(named, onIdentity), monitor);
  return new TypeormProber({
    session: (sockets) => sessionOf(overSockets(options, sockets)),
    classify: server.classify,
    onModest,
    ...server.createProbe(told),
  });
}

function silenceTerms(
  { askWhetherAtWork }: PgServer,
  driver: DriverOptions,
  monitor: ResolvedMonitor,
): SilenceTerms | undefined {
  const limitMs = silenceLimitMs(driver, monitor.queryTimeoutMs);
  if (limitMs === undefined || !askWhetherAtWork) return limitMs === undefined ? undefined : { limitMs };
  const options = probeOptions(driver, monitor);
  const aside = new Aside({
    session: (sockets, reached) => ({ options: overSockets(options, sockets, reached) }),
    timeoutMs: monitor.connectTimeoutMs,
  });
  const isAtWork = async (client: PgClient): Promise<boolean> => {
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
