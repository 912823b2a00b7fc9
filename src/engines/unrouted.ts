import type { QueryRunner } from 'typeorm';
import type { Connector } from '../connector.js';
import type { Engine, TextTraits } from '../engine.js';
import type { Place } from '../position.js';
import { OwnPool } from './pool/own-pool.js';
import { Sockets } from './pool/sockets.js';
import { TypeormProber } from './pool/typeorm-prober.js';

const pools = { poolOf: (driver: unknown) => driver, usageOf: () => undefined, cutIdle: () => undefined };

/** TypeORM's own ways, whatever its driver: nothing is known of connections, so none of them can be cut. */
const connector: Connector = {
  ownSession(options) {
    return { options, connections: new Sockets(), closeWithin: (close) => close() };
  },
  createPools(_settings, { owner, ownConnections }) {
    const connections = ownConnections ?? new Sockets();
    const pool = new OwnPool({
      owner,
      size: Infinity,
      connections,
      pools: { ...pools, lend: () => owner.driver },
    });
    return { writable: pool, 'read-only': pool };
  },
  createProber({ driver: options }, { onModest }) {
    const probe = () => Promise.resolve({ role: 'unknown' } as const);
    return new TypeormProber({
      session: () => ({ options }),
      probe,
      probeRole: probe,
      refusesToTell: () => false,
      classify: () => 'query',
      onModest,
    });
  },
  connect: (runner) => methodsOf(runner).connect.call(runner),
  hasDied: () => false,
  giveBack: (runner) => void methodsOf(runner).release.call(runner),
  cancel: () => false,
  lastWordOf: () => undefined,
};

function methodsOf(runner: QueryRunner): QueryRunner {
  return Object.getPrototypeOf(runner) as QueryRunner;
}

const NO_TRAITS: TextTraits = { binds: undefined, takesLock: undefined, onlyBegins: false };

/**
 * For clusters of one server, whatever its database: nothing is routed, so nothing has to be known of it. Tokens that
 * come from elsewhere pass through as they are, and there is no replica that could lack what they stand for.
 */
export const unrouted: Engine = {
  positions: {
    envelopeVersion: 1,
    covers: () => true,
    merge: (a) => a,
    measure: 'bytes',
    behind: () => 0,
    format: () => '',
    encode: ({ position }) => position as unknown as Uint8Array,
    decode: (bytes) => ({ position: Buffer.from(bytes) as unknown as Place['position'], history: undefined }),
  },
  isOlder: undefined,
  show: () => ({ position: undefined, timeline: undefined }),
  findings: {
    replicaAsPrimary: 'it is a replica, not the primary',
    formerPrimary: () => 'it is a former primary',
    primaryAsReplica: 'it is writable, not a replica',
    foreign: () => 'it is of another database cluster',
    diverged: 'it has replayed more than the primary has written',
  },
  compareServers: () => 'same',
  connector,
  driverRules: {
    defaultPort: '',
    poolSizeInExtra: 'max',
    synonymsInExtra: new Map(),
    readOnlyMeans: new Set(['auto', 'startup', 'role', 'transaction', 'server']),
    canSetUpSessions: false,
    hasLagInBytes: true,
    checkUrl: () => undefined,
    refusedExtra: () => [],
    complete: (merged) => merged,
    withConnectTimeout: (driver) => driver,
  },
  classify: () => 'query',
  refusedStatement: () => 'A statement',
  hasSeveralStatements: () => false,
  traitsOf: () => NO_TRAITS,
  mayWriteUntraced: () => false,
  mayReadAt: () => true,
  isInTransaction: () => undefined,
  mayBeEnding: () => false,
  rollBack: () => Promise.resolve(),
  readPosition: () => Promise.resolve(undefined),
  observeWrites: (connection) => connection,
  openQuestion: () => undefined,
};
