import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../errors.js';
import { drivers } from '../engines/create-engine.js';
import { resolveOptions } from './resolve-options.js';

const PRIMARY = 'postgres://app:hunter2@db-1/shop';
const REPLICA = 'postgres://app:hunter2@db-2/shop';

function options(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'postgres',
    username: 'app',
    password: 'hunter2',
    primary: { url: PRIMARY },
    replicas: [{ url: REPLICA }],
    ...changes,
  };
}

function problemsOf(given: unknown): InvalidOptionsError['problems'] {
  try {
    resolveOptions(given, drivers);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.problems;
    throw error;
  }
  return [];
}

/** Options, where the problem is, part of what is said. */
type Case = readonly [given: unknown, path: string, said: string];

const routing = (value: unknown) => options({ routing: value });
const consistency = (value: unknown) => options({ consistency: value });
const monitor = (value: unknown) => options({ monitor: value });
const cluster = (value: unknown) => options({ cluster: value });
const replica = (value: unknown) => options({ replicas: [value] });
const primary = (value: unknown) => options({ primary: value });
const replication = (value: unknown) => ({ type: 'postgres', replication: value });
const onMysql = (changes: object) =>
  options({ type: 'mysql', primary: { host: 'db-1' }, replicas: [{ host: 'db-2' }], ...changes });
const nodes = { master: { url: PRIMARY }, slaves: [{ url: REPLICA }] };

// prettier-ignore
const CASES: Record<string, readonly Case[]> = {
  'the object itself': [
    [undefined, 'options', 'expected an object, got undefined'],
    ['postgres://u:hunter2@h/db', 'options', 'got a string'],
  ],
  'the database': [
    [options({ type: undefined }), 'type', "such as 'postgres', got undefined"],
    [options({ type: '' }), 'type', 'got an empty string'],
    [options({ type: 'mssql' }), 'type', 'only \'postgres\', \'mysql\', \'mariadb\', \'cockroachdb\', \'better-sqlite3\' can have replicas for now, got "mssql". Write replicas: []'],
    [options({ name: '' }), 'name', 'the name of the cluster'],
  ],
  'keys at the top level': [
    [options({ slaves: [] }), 'slaves', 'Did you mean replicas?'],
    [options({ master: {} }), 'master', 'Did you mean primary?'],
    [options({ readReplicas: [] }), 'readReplicas', 'Did you mean replicas?'],
    [options({ replcias: [] }), 'replcias', 'Did you mean replicas?'],
    [options({ consistancy: {} }), 'consistancy', 'Did you mean consistency?'],
    [options({ replicaSet: 'rs0' }), 'replicaSet', 'for MongoDB'],
    [options({ maxLagMs: 1 }), 'maxLagMs', 'It belongs to monitor'],
    [options({ sameSite: 'Lax' }), 'sameSite', 'It belongs to consistency.cookie'],
  ],
  'no primary, or two': [
    [{ type: 'postgres' }, 'primary', 'no primary is named. Give primary: { url'],
    [options({ primary: undefined, url: PRIMARY }), 'primary', 'Move url, and what goes with it, into primary: { url'],
    [options({ primary: undefined, host: 'db-1' }), 'primary', 'Move host'],
    [options({ replicas: undefined, replication: nodes }), 'primary', 'contradicts replication'],
    [options({ primary: undefined, replication: nodes }), 'replicas', 'contradicts replication'],
    [replication({ slaves: [] }), 'replication.master', 'no primary is named'],
  ],
  "TypeORM's replication": [
    [replication('on'), 'replication', 'expected an object'],
    [replication({ ...nodes, defaultMode: 'master' }), 'replication.defaultMode', "routing.mode: 'primary-only'"],
    [replication({ ...nodes, selector: 'RR' }), 'replication.selector', 'routing.balancing'],
    [replication({ ...nodes, canRetry: true }), 'replication.canRetry', 'see monitor'],
    [replication({ ...nodes, removeNodeErrorCount: 5 }), 'replication.removeNodeErrorCount', 'see monitor'],
    [replication({ ...nodes, restoreNodeTimeout: 5 }), 'replication.restoreNodeTimeout', 'see monitor'],
    [replication({ ...nodes, slave: [] }), 'replication.slave', 'Did you mean slaves?'],
    [replication({ ...nodes, slaves: {} }), 'replication.slaves', 'expected an array'],
    [replication({ ...nodes, slaves: [{ url: '' }] }), 'replication.slaves[0].url', 'is empty'],
    [replication({ ...nodes, master: { url: undefined } }), 'replication.master.url', 'is empty'],
  ],
  'addresses of nodes': [
    [primary({ url: undefined }), 'primary.url', 'is empty (undefined): is the environment variable set?'],
    [primary({ url: '' }), 'primary.url', 'is empty (an empty string)'],
    [primary({ host: undefined }), 'primary.host', 'is empty'],
    [primary({ url: 5432 }), 'primary.url', 'expected a string, got a number'],
    [primary({ host: 'db-1', port: NaN }), 'primary.port', 'is NaN'],
    [primary({ host: 'db-1', port: 'five' }), 'primary.port', 'expected the number of a port, got "five"'],
    [replica({ host: 'db-2', port: 65_536 }), 'replicas[0].port', 'expected the number of a port, got 65536'],
    [primary({ url: 'db-1:5432/shop' }), 'primary.url', 'has no scheme'],
    [primary({ url: 'postgres://u:hunter2@a:1,b:2/db' }), 'primary.url', 'is no url that node-postgres understands'],
    [primary({ url: 'postgres://u:hunter2@a,b/db' }), 'primary.url', 'names several hosts'],
    [options({ password: () => 'hunter2', primary: { url: 'postgres://app@db-1/shop' } }), 'primary.url', 'ignores a password function'],
    [primary(PRIMARY), 'primary', 'expected an object, as in { url: process.env.URL }, got a string'],
    [replica(REPLICA), 'replicas[0]', 'expected an object'],
    [options({ replicas: REPLICA }), 'replicas', 'expected an array, as in [{ url: process.env.REPLICA_URL }]'],
    [options({ replicas: { url: REPLICA } }), 'replicas', 'got an object'],
    [replica({ url: undefined }), 'replicas[0].url', 'is empty'],
  ],
  'a replica that is the primary': [
    [replica({ url: PRIMARY }), 'replicas[0]', 'is the same database as primary (db-1:5432/shop)'],
    [replica({ host: 'DB-1', port: 5432, database: 'shop' }), 'replicas[0]', 'is the same database'],
    [options({ primary: { port: 5432 }, replicas: [{ host: 'localhost' }] }), 'replicas[0]', 'localhost:5432'],
    [replication({ ...nodes, slaves: [nodes.master] }), 'replication.slaves[0]', 'same database as replication.master'],
    [options({ url: 'postgres://db-1:1/shop', primary: {}, replicas: [{ port: 2 }] }), 'replicas[0]', 'is the same database'],
  ],
  'other settings of nodes': [
    [replica({ url: REPLICA, weight: 0 }), 'replicas[0].weight', 'expected a number above 0, got 0'],
    [replica({ url: REPLICA, weight: NaN }), 'replicas[0].weight', 'got NaN'],
    [replica({ url: REPLICA, weight: '1' }), 'replicas[0].weight', 'got "1"'],
    [replica({ url: REPLICA, weigth: 1 }), 'replicas[0].weigth', 'Did you mean weight?'],
    [replica({ url: REPLICA, endpoint: 'pgbouncer' }), 'replicas[0].endpoint', "'per-connection' or 'per-transaction'"],
    [replica({ url: REPLICA, readOnly: true }), 'replicas[0].readOnly', "expected 'auto'"],
    [replica({ url: REPLICA, name: 'replica 1' }), 'replicas[0].name', 'letters, digits'],
    [replica({ url: REPLICA, name: REPLICA }), 'replicas[0].name', 'postgres://app:***@db-2/shop'],
    [replica({ url: REPLICA, name: 'primary' }), 'replicas[0].name', "'primary' is the name of primary already"],
    [replica({ url: REPLICA, entities: [] }), 'replicas[0].entities', 'move it out, to the top level'],
    [replica({ url: REPLICA, type: 'mysql' }), 'replicas[0].type', 'the same type'],
    [replica({ uri: REPLICA, host: 'db-2' }), 'replicas[0].uri', 'Did you mean url?'],
    [replica({ host: 'db-2', user: 'app' }), 'replicas[0].user', 'Did you mean username?'],
    [primary({ url: PRIMARY, weight: 1 }), 'primary.weight', 'only replicas'],
    [primary({ url: PRIMARY, group: 'reports' }), 'primary.group', 'only replicas can be set apart'],
    [replica({ url: REPLICA, group: '' }), 'replicas[0].group', 'up to 64 letters, digits'],
    [replica({ url: REPLICA, zone: 1 }), 'replicas[0].zone', 'up to 64 letters, digits'],
    [consistency({ verify: 5 }), 'consistency.verify', 'a number from 0 to 1, got 5. For one read of a hundred, write 0.01'],
    [consistency({ verify: NaN }), 'consistency.verify', 'got NaN'],
    [routing({ zone: 'a b' }), 'routing.zone', 'up to 64 letters, digits'],
    [routing({ zone: 'one' }), 'routing.zone', 'no replica says where it is'],
    [primary({ url: PRIMARY, poolSize: '10' }), 'primary.poolSize', 'expected a number of connections'],
    [options({ poolSize: 0 }), 'poolSize', '1 or more, got 0'],
    [options({ extra: { max: NaN } }), 'extra.max', 'got NaN'],
  ],
  routing: [
    [routing('on'), 'routing', 'expected an object, got a string'],
    [routing({ mod: 'route' }), 'routing.mod', 'unknown option. Did you mean mode?'],
    [routing({ maxWaitMs: 1 }), 'routing.maxWaitMs', 'It belongs to consistency.'],
    [routing({ zzz: 1 }), 'routing.zzz', 'Known here: mode, readMethods'],
    [routing({ mode: 'on' }), 'routing.mode', "expected 'route', 'observe' or 'primary-only', got \"on\""],
    [routing({ readMethods: 'GET' }), 'routing.readMethods', "as in ['GET', 'HEAD'], got a string"],
    [routing({ readMethods: ['GET', 'A B'] }), 'routing.readMethods[1]', 'expected an HTTP method'],
    [routing({ readMethods: ['*'] }), 'routing.readMethods[0]', 'name the methods'],
    [routing({ onReplicaWrite: 'off' }), 'routing.onReplicaWrite', "expected 'reject' or 'promote'"],
    [routing({ cancelAbandoned: 'queries' }), 'routing.cancelAbandoned', "'streams', true or false"],
    [routing({ share: 5 }), 'routing.share', 'expected a number from 0 to 1, got 5. For 5 %, write 0.05'],
    [routing({ share: -1 }), 'routing.share', 'expected a number from 0 to 1, got -1'],
    [routing({ share: '0.05' }), 'routing.share', 'convert it with Number(...)'],
    [routing({ share: NaN }), 'routing.share', 'Is the environment variable set?'],
    [routing({ control: { share: 1 } }), 'routing.control', 'expected a function () => ({ mode, share }), got an object'],
    [routing({ explainHeader: 'true' }), 'routing.explainHeader', 'process.env.X === "true"'],
    [routing({ balancing: 'fastest' }), 'routing.balancing', 'a function pick'],
    [routing({ balancing: { choose() {} } }), 'routing.balancing', 'got an object'],
    [routing({ primaryFallback: true }), 'routing.primaryFallback', 'expected false or an object'],
    [routing({ primaryFallback: { maxConcurrent: 0 } }), 'routing.primaryFallback.maxConcurrent', 'primaryFallback: false'],
    [routing({ primaryFallback: { max: 1 } }), 'routing.primaryFallback.max', 'Known here: maxConcurrent'],
    [routing({ primaryFallback: { maxConcurrent: 10 } }), 'routing.primaryFallback.maxConcurrent', 'Give 9 or less, or raise primary.poolSize'],
    [{ ...routing({ primaryFallback: { maxConcurrent: 1 } }), poolSize: 1 }, 'routing.primaryFallback.maxConcurrent', 'Write primaryFallback: false, or raise poolSize'],
  ],
  'rules of routing': [
    [routing({ rules: {} }), 'routing.rules', "as in [{ path: '/health', use: 'primary' }]"],
    [routing({ rules: ['/health'] }), 'routing.rules[0]', 'got a string'],
    [routing({ rules: [{ path: 'health', use: 'primary' }] }), 'routing.rules[0].path', 'got "health"'],
    [routing({ rules: [{ path: '/a?b=1', use: 'primary' }] }), 'routing.rules[0].path', 'without its query'],
    [routing({ rules: [{ path: '/admin/*', use: 'primary' }] }), 'routing.rules[0].path', 'write "/admin/*rest"'],
    [routing({ rules: [{ path: '/files/*.txt', use: 'primary' }] }), 'routing.rules[0].path', 'is not understood'],
    [routing({ rules: [{ path: '/a//b', use: 'primary' }] }), 'routing.rules[0].path', 'empty segment'],
    [routing({ rules: [{ path: '/', use: 'slave' }] }), 'routing.rules[0].use', "expected 'primary' or 'replica'"],
    [routing({ rules: [{ path: '/' }] }), 'routing.rules[0].use', 'got undefined'],
    [routing({ rules: [{ path: '/', use: 'primary', methods: 'GET' }] }), 'routing.rules[0].methods', 'Did you mean method?'],
    [routing({ rules: [{ path: '/', use: 'primary', method: 1 }] }), 'routing.rules[0].method', 'HTTP method'],
    [routing({ rules: [{ path: '/', use: 'primary', method: ['GET', 'ALL'] }] }), 'routing.rules[0].method[1]', "got 'ALL'"],
  ],
  consistency: [
    [consistency([]), 'consistency', 'expected an object, got an array'],
    [consistency({ levl: 'session' }), 'consistency.levl', 'Did you mean level?'],
    [consistency({ level: 'strong' }), 'consistency.level', "'session', 'eventual' or 'primary'"],
    [consistency({ maxWaitMs: -1 }), 'consistency.maxWaitMs', 'expected an integer from 0 to 2147483647, got -1'],
    [consistency({ maxWaitMs: 2 ** 31 }), 'consistency.maxWaitMs', 'got 2147483648'],
    [consistency({ pinMs: 0 }), 'consistency.pinMs', 'got 0'],
    [consistency({ pinMs: '3000' }), 'consistency.pinMs', 'convert it with Number(...)'],
    [consistency({ monotonicReads: 1 }), 'consistency.monotonicReads', 'expected true or false'],
    [consistency({ affinity: 'ip' }), 'consistency.affinity', 'a function (request)'],
    [consistency({ carriers: 'cookie' }), 'consistency.carriers', "as in ['cookie', 'header']"],
    [consistency({ carriers: ['cookies'] }), 'consistency.carriers[0]', "expected 'cookie', 'header', 'store'"],
    [consistency({ carriers: [{ name: 'grpc' }] }), 'consistency.carriers[0]', 'a function read'],
    [consistency({ carriers: ['cookie', 'cookie'] }), 'consistency.carriers[1]', 'listed twice'],
    [consistency({ carriers: ['store'] }), 'consistency.store.key', 'needs to know its clients'],
    [consistency({ carriers: ['store'], store: {} }), 'consistency.store.key', 'needs to know its clients'],
    [consistency({ store: { key: () => 'a' } }), 'consistency.store', "'store' is not among consistency.carriers"],
    [consistency({ carriers: ['store'], store: { key: 'id' } }), 'consistency.store.key', 'expected a function'],
    [consistency({ carriers: ['store'], store: { key: () => 'a', store: {} } }), 'consistency.store.store', 'functions get(key)'],
    [consistency({ carriers: ['store'], store: { key: () => 'a', timeout: 1 } }), 'consistency.store.timeout', 'Did you mean timeoutMs?'],
  ],
  secrets: [
    [consistency({ secret: '' }), 'consistency.secret', 'is the environment variable set?'],
    [consistency({ secret: 'hunter2' }), 'consistency.secret', 'at least 16 characters, got 7'],
    [consistency({ secret: 5 }), 'consistency.secret', 'got a number'],
    [consistency({ secret: [] }), 'consistency.secret', 'the list is empty'],
    [consistency({ secret: ['x'.repeat(16), undefined] }), 'consistency.secret[1]', 'got undefined'],
  ],
  cookies: [
    [consistency({ cookie: { name: 'a b' } }), 'consistency.cookie.name', 'letters, digits'],
    [consistency({ cookie: { path: 'app' } }), 'consistency.cookie.path', "from '/' on"],
    [consistency({ cookie: { path: '/; Secure' } }), 'consistency.cookie.path', "from '/' on"],
    [consistency({ cookie: { domain: 'a;b' } }), 'consistency.cookie.domain', "like 'example.com'"],
    [consistency({ cookie: { secure: 'yes' } }), 'consistency.cookie.secure', 'true or false'],
    [consistency({ cookie: { sameSite: 'none' } }), 'consistency.cookie.sameSite', "'Strict', 'Lax' or 'None'"],
    [consistency({ cookie: { samesite: 'None' } }), 'consistency.cookie.samesite', 'Did you mean sameSite?'],
    [consistency({ cookie: { sameSite: 'None', secure: false } }), 'consistency.cookie.sameSite', 'not secure'],
    [consistency({ cookie: { partitioned: true, secure: false } }), 'consistency.cookie.partitioned', 'not secure'],
    [consistency({ cookie: { name: '__Secure-r', secure: false } }), 'consistency.cookie.name', 'not secure'],
    [consistency({ cookie: { name: '__Host-r', path: '/app' } }), 'consistency.cookie.name', 'Remove domain and path'],
  ],
  monitor: [
    [monitor({ interval: 1 }), 'monitor.interval', 'Did you mean intervalMs?'],
    [monitor({ intervalMs: 0 }), 'monitor.intervalMs', 'expected an integer from 1'],
    [monitor({ intervalMs: 1.5 }), 'monitor.intervalMs', 'got 1.5'],
    [monitor({ hardMaxLagMs: Infinity }), 'monitor.hardMaxLagMs', 'got Infinity'],
    [monitor({ queryTimeoutMs: NaN }), 'monitor.queryTimeoutMs', 'Is the environment variable set?'],
    [monitor({ maxLagBytes: 0 }), 'monitor.maxLagBytes', 'write false'],
    [monitor({ timeoutMs: 1_001 }), 'monitor.timeoutMs', 'is above monitor.intervalMs (1000, the default)'],
    [monitor({ intervalMs: 100 }), 'monitor.intervalMs', 'monitor.timeoutMs (500, the default) is above monitor.intervalMs (100)'],
    [monitor({ maxLagMs: 60_001 }), 'monitor.maxLagMs', 'is above monitor.hardMaxLagMs (60000, the default)'],
    [monitor({ hardMaxLagMs: 9_999 }), 'monitor.hardMaxLagMs', 'monitor.maxLagMs (10000, the default) is above'],
    [monitor({ maxLagMs: 999 }), 'monitor.maxLagMs', 'lag is known no finer than from probe to probe'],
    [monitor({ hardMaxLagMs: 200_000 }), 'monitor.hardMaxLagMs', 'The smallest legal value is 206000'],
    [consistency({ maxAgeMs: 65_999 }), 'consistency.maxAgeMs', 'The smallest legal value is 66000'],
  ],
  cluster: [
    [cluster({ failover: true }), 'cluster.failover', "expected 'none' or 'follow', got true"],
    [cluster({ failOver: 'none' }), 'cluster.failOver', 'Did you mean failover?'],
    [cluster({ whenPrimaryDown: 503 }), 'cluster.whenPrimaryDown', "expected '503' or 'stale', got 503"],
    [cluster({ endpoint: 'pooler' }), 'cluster.endpoint', "expected 'auto'"],
    [cluster({ readOnly: 'yes' }), 'cluster.readOnly', "expected 'auto'"],
    [{ ...cluster({ failover: 'follow' }), replicas: [] }, 'cluster.failover', 'nothing to follow'],
    [cluster({ discover: [{ host: 'db-3' }] }), 'cluster.discover', 'A list of replicas goes into replicas.'],
    [cluster({ discoverIntervalMs: 0 }), 'cluster.discoverIntervalMs', 'expected an integer'],
    [options({ primary: { host: 'db-1', address: 'db-1' } }), 'primary.address', 'expected an IP address'],
  ],
  'what MariaDB and MySQL do not have': [
    [onMysql({ monitor: { maxLagBytes: 1_000 } }), 'monitor.maxLagBytes', 'not in bytes'],
    [onMysql({ primary: { host: 'db-1', readOnly: 'transaction' } }), 'primary.readOnly', 'Leave it out'],
    [onMysql({ primary: { host: 'db-1', extra: { resetOnRelease: true } } }), 'primary.extra.resetOnRelease', 'Remove it'],
  ],
};

describe.each(Object.entries(CASES))('refused: %s', (_group, cases) => {
  it.each(cases.map(([given, path, said]) => ({ given, path, said })))(
    '$path: ... $said',
    ({ given, path, said }) => {
      const problems = problemsOf(given);
      expect(problems).toEqual([{ path, message: expect.stringContaining(said) }]);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    },
  );
});

describe('one error', () => {
  it('has all problems', () => {
    const given = options({
      primary: { url: '' },
      replicas: [{ url: REPLICA, weight: -1 }],
      routing: { mode: 'x', rules: [{ path: 'a', use: 'b' }] },
      monitor: { intervalMs: 'x', hint: 1 },
    });
    expect(problemsOf(given).map(({ path }) => path)).toEqual([
      'monitor.intervalMs',
      'primary.url',
      'replicas[0].weight',
      'routing.mode',
      'routing.rules[0].path',
      'routing.rules[0].use',
      'monitor.hint',
    ]);
  });

  it('says of an option only what is wrong with it by itself, not also what follows from its default', () => {
    const given = monitor({ hardMaxLagMs: 'a day', maxLagMs: 70_000 });
    expect(problemsOf(given).map(({ path }) => path)).toEqual(['monitor.hardMaxLagMs']);
  });
});
