import { describe, expect, it } from '@jest/globals';
import { drivers } from '../engines/create-engine.js';
import { resolveOptions } from './resolve-options.js';
import type { ResolvedOptions } from './resolved-options.js';

const PRIMARY = { url: 'postgres://app@db-1/shop' };
const REPLICAS = [{ url: 'postgres://app@db-2/shop' }, { url: 'postgres://app@db-3/shop' }];

function resolve(changes: Record<string, unknown> = {}): ResolvedOptions {
  return resolveOptions({ type: 'postgres', primary: PRIMARY, replicas: REPLICAS, ...changes }, drivers);
}

describe('the defaults', () => {
  const { primary, replicas, routing, consistency, ...rest } = resolve();

  it('are those of the contract', () => {
    expect(rest).toMatchObject({
      name: 'default',
      type: 'postgres',
      monitor: {
        intervalMs: 1_000,
        timeoutMs: 500,
        maxLagMs: 10_000,
        maxLagBytes: Infinity,
        hardMaxLagMs: 60_000,
        connectTimeoutMs: 3_000,
        queryTimeoutMs: 30_000,
      },
      cluster: { failover: 'none', whenPrimaryDown: '503' },
    });
    expect(routing).toEqual({
      mode: 'route',
      readMethods: new Set(['GET', 'HEAD']),
      onReplicaWrite: 'reject',
      primaryFallbackMax: 5,
      rules: [],
      balancing: 'least-busy',
      cancelAbandoned: 'streams',
      share: 1,
      control: undefined,
      explainHeader: false,
      comment: false,
    });
    expect(consistency).toEqual({
      level: 'session',
      carriers: ['cookie'],
      cookie: {
        name: 'replication',
        path: '/',
        domain: undefined,
        secure: 'auto',
        sameSite: 'Lax',
        partitioned: false,
      },
      store: undefined,
      secrets: [],
      maxWaitMs: 20,
      pinMs: 3_000,
      maxAgeMs: 120_000,
      monotonicReads: true,
      verify: 0,
      affinity: expect.any(Function),
    });
  });

  it('name the nodes by their place', () => {
    const settings = { weight: 1, endpoint: 'auto', readOnly: 'auto' };
    expect([primary, ...replicas]).toMatchObject([
      { name: 'primary', ...settings },
      { name: 'replica-1', ...settings },
      { name: 'replica-2', ...settings },
    ]);
  });

  it.each([
    ['a client of the same Authorization header', { headers: { authorization: 'Bearer a' } }, 'Bearer a'],
    ['no client without the header', { headers: {} }, undefined],
    ['no client for what is no request', undefined, undefined],
  ])('keep the replica of %s', (_who, request, key) => {
    expect(consistency.affinity?.(request)).toBe(key);
  });
});

describe('what the user says', () => {
  const store = { get: async () => undefined, set: async () => undefined };
  const key = () => 'user-1';
  const carrier = { name: 'grpc', read: () => undefined };
  const balancer = { pick: (candidates: readonly unknown[]) => candidates[0] };
  const affinity = () => 'a';

  it.each<[string, Record<string, unknown>, object]>([
    ['a name', { name: 'orders' }, { name: 'orders', dataSource: { name: 'orders' } }],
    ['no replicas', { replicas: [] }, { replicas: [], routing: { onReplicaWrite: 'off' } }],
    ['no word of replicas', { replicas: undefined }, { replicas: [] }],
    [
      'the write guard without replicas',
      { replicas: [], routing: { onReplicaWrite: 'reject' } },
      { routing: { onReplicaWrite: 'reject' } },
    ],
    [
      'methods in any case',
      { routing: { readMethods: ['get', 'Query'] } },
      { routing: { readMethods: new Set(['GET', 'QUERY']) } },
    ],
    ['no read methods at all', { routing: { readMethods: [] } }, { routing: { readMethods: new Set() } }],
    [
      'rules',
      {
        routing: {
          rules: [
            { path: '/a', use: 'replica', method: 'post' },
            { path: '/b', use: 'primary' },
          ],
        },
      },
      {
        routing: {
          rules: [
            { path: '/a', use: 'replica', method: ['POST'] },
            { path: '/b', use: 'primary' },
          ],
        },
      },
    ],
    ['a balancer', { routing: { balancing: balancer } }, { routing: { balancing: balancer } }],
    ['no fall-back', { routing: { primaryFallback: false } }, { routing: { primaryFallbackMax: 0 } }],
    [
      'a fall-back',
      { routing: { primaryFallback: { maxConcurrent: 9 } } },
      { routing: { primaryFallbackMax: 9 } },
    ],
    ['a fall-back of any size', { routing: { primaryFallback: {} } }, { routing: { primaryFallbackMax: 5 } }],
    ['a pool of one', { poolSize: 1 }, { routing: { primaryFallbackMax: 1 } }],
    ['a shared pool size', { poolSize: 7 }, { routing: { primaryFallbackMax: 3 } }],
    [
      'a pool size in extra, which wins in the driver',
      { poolSize: 7, extra: { max: 30 } },
      { routing: { primaryFallbackMax: 15 } },
    ],
    [
      "the primary's pool size, which wins over the shared",
      { primary: { ...PRIMARY, poolSize: 4 }, extra: { max: 30 } },
      { routing: { primaryFallbackMax: 2 }, dataSource: { poolSize: 4, extra: {} } },
    ],
    ['a secret', { consistency: { secret: 'x'.repeat(16) } }, { consistency: { secrets: ['x'.repeat(16)] } }],
    ['no secret', { consistency: { secret: undefined } }, { consistency: { secrets: [] } }],
    ['no carriers', { consistency: { carriers: [] } }, { consistency: { carriers: [] } }],
    [
      'a carrier',
      { consistency: { carriers: ['header', carrier] } },
      { consistency: { carriers: ['header', carrier] } },
    ],
    [
      'a store',
      { consistency: { carriers: ['store'], store: { store, key } } },
      { consistency: { store: { store, key, timeoutMs: 100 } } },
    ],
    ['no affinity', { consistency: { affinity: false } }, { consistency: { affinity: undefined } }],
    ['an affinity', { consistency: { affinity } }, { consistency: { affinity } }],
    [
      'an insecure cookie',
      { consistency: { cookie: { secure: false } } },
      { consistency: { cookie: { secure: false } } },
    ],
    [
      'the shortest life of a token',
      { consistency: { maxAgeMs: 66_000 } },
      { consistency: { maxAgeMs: 66_000 } },
    ],
    [
      'a shorter life where there are no tokens',
      { consistency: { level: 'eventual', maxAgeMs: 1_000 } },
      { consistency: { maxAgeMs: 1_000 } },
    ],
    ['no limit in bytes', { monitor: { maxLagBytes: false } }, { monitor: { maxLagBytes: Infinity } }],
    ['a limit in bytes', { monitor: { maxLagBytes: 8_000_000 } }, { monitor: { maxLagBytes: 8_000_000 } }],
    [
      'what all nodes are, and what one of them is',
      {
        cluster: { endpoint: 'server', readOnly: 'startup', failover: 'follow' },
        replicas: [{ ...REPLICAS[0], name: 'reader', weight: 0.5, endpoint: 'per-connection' }],
      },
      {
        cluster: { failover: 'follow' },
        primary: { endpoint: 'server', readOnly: 'startup' },
        replicas: [{ name: 'reader', weight: 0.5, endpoint: 'per-connection', readOnly: 'startup' }],
      },
    ],
    [
      "TypeORM's replication",
      { primary: undefined, replicas: undefined, replication: { master: PRIMARY, slaves: REPLICAS } },
      { primary: { driver: PRIMARY }, replicas: [{ driver: REPLICAS[0] }, { driver: REPLICAS[1] }] },
    ],
    ['two replicas of one address', { replicas: [REPLICAS[0], REPLICAS[0]] }, { replicas: [{}, {}] }],
    ['another database, without replicas', { type: 'mysql', replicas: [] }, { type: 'mysql' }],
    [
      'one of two addresses in the environment',
      { primary: { url: undefined, host: 'db-1' } },
      { primary: { driver: { host: 'db-1' } } },
    ],
  ])('%s', (_what, changes, expected) => {
    expect(resolve(changes)).toMatchObject(expected);
  });
});

describe("TypeORM's options", () => {
  const entities = [class Post {}];
  const ssl = { ca: 'pem' };
  const given = {
    type: 'postgres',
    name: 'shop',
    entities,
    migrations: ['dist/migrations/*.js'],
    synchronize: true,
    extensions: ['pg_trgm'],
    logging: true,
    ssl,
    retryAttempts: 3,
    autoLoadEntities: true,
    extra: { application_name: 'shop' },
    primary: { ...PRIMARY, name: 'writer', extra: { max: 4 } },
    replicas: REPLICAS,
    monitor: {},
  };
  const { dataSource, primary, replicas } = resolveOptions(given, drivers);

  it('make the routed DataSource: the shared ones and the primary, without ours and those of @nestjs/typeorm', () => {
    expect(dataSource).toEqual({
      type: 'postgres',
      name: 'shop',
      entities,
      migrations: ['dist/migrations/*.js'],
      synchronize: true,
      extensions: ['pg_trgm'],
      logging: true,
      ssl,
      extra: { application_name: 'shop', max: 4 },
      url: PRIMARY.url,
    });
    expect(dataSource['entities']).toBe(entities);
  });

  it('make a DataSource of each node alone, which has no entities and changes no schema', () => {
    const alone = {
      type: 'postgres',
      entities: [],
      subscribers: [],
      migrations: [],
      synchronize: false,
      migrationsRun: false,
      dropSchema: false,
      installExtensions: false,
      cache: false,
      logging: true,
      ssl,
    };
    expect(primary.driver).toEqual({
      ...alone,
      url: PRIMARY.url,
      extra: { application_name: 'shop', max: 4 },
    });
    expect(replicas[1]?.driver).toMatchObject({ ...alone, url: REPLICAS[1]?.url });
  });

  it('have a limit on connecting on replicas only', () => {
    const timeouts = { connectTimeoutMS: 3_000, extra: { application_name: 'shop' } };
    expect(replicas[0]?.driver).toMatchObject(timeouts);
    expect(primary.driver).not.toHaveProperty('connectTimeoutMS');
    expect(dataSource).not.toHaveProperty('connectTimeoutMS');
  });
});

describe("the caller's object", () => {
  it('is never changed, and what is in it is not frozen', () => {
    const make = () => ({
      type: 'postgres',
      entities: [],
      ssl: { ca: 'pem' },
      extra: { max: 4 },
      logger: { log: 'file' },
      primary: { ...PRIMARY, extra: { keepAlive: true } },
      replicas: [{ ...REPLICAS[0], ssl: { ca: 'pem' } }],
      routing: { readMethods: ['get'], rules: [{ path: '/a', use: 'primary', method: ['post'] }] },
      consistency: { secret: ['x'.repeat(16)], cookie: { name: 'r' } },
    });
    const given = make();
    resolveOptions(given, drivers);
    expect(given).toEqual(make());
    expect(frozenParts(given)).toEqual([]);
  });

  it('may be frozen itself', () => {
    expect(() =>
      resolveOptions(Object.freeze({ type: 'postgres', primary: Object.freeze({ ...PRIMARY }) }), drivers),
    ).not.toThrow();
  });
});

describe('the result', () => {
  it('is frozen, wherever it is ours', () => {
    const store = { get: async () => undefined, set: async () => undefined };
    const result = resolve({
      ssl: { ca: 'pem' },
      extra: { max: 4 },
      routing: { rules: [{ path: '/a', use: 'primary', method: 'post' }] },
      consistency: { carriers: ['store'], store: { store, key: () => 'a' }, secret: 'x'.repeat(16) },
    });
    expect(openParts(result)).toEqual([
      'dataSource.ssl',
      'primary.driver.ssl',
      'replicas.0.driver.ssl',
      'replicas.1.driver.ssl',
      'routing.readMethods',
      'consistency.store.store',
    ]);
  });
});

function openParts(value: object, path: readonly string[] = []): string[] {
  const inner = parts(value).flatMap(([key, part]) => openParts(part, [...path, key]));
  return Object.isFrozen(value) ? inner : [path.join('.'), ...inner];
}

function frozenParts(value: object, path: readonly string[] = []): string[] {
  const inner = parts(value).flatMap(([key, part]) => frozenParts(part, [...path, key]));
  return Object.isFrozen(value) ? [path.join('.'), ...inner] : inner;
}

function parts(value: object): [string, object][] {
  return Object.entries(value).filter(([, part]) => typeof part === 'object' && part !== null);
}
