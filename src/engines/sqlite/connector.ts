import type { DataSource } from 'typeorm';
import type { Connector, PoolTerms, ProbeAnswer } from '../../connector.js';
import type { DriverOptions, ResolvedNode } from '../../options/resolved-options.js';
import { poolSizes } from '../pool/node-pool.js';
import { Sockets } from '../pool/sockets.js';
import { TypeormProber, type RunStatement } from '../pool/typeorm-prober.js';
import { isPrivate, refuseWrites, type Database, type SqliteDriver } from './database.js';
import { classifySqliteFailure } from './failure.js';
import { FilePool } from './file-pool.js';
import { THERE } from './place.js';
import { connect, giveBack, separateRunners } from './runners.js';

/** better-sqlite3, as TypeORM uses it. */
export const connector: Connector = {
  ownSession(options, { isRouted }) {
    const common = { connections: new Sockets(), closeWithin: (close: () => Promise<void>) => close() };
    if (!isRouted) return { ...common, options };
    // A transaction that reads would keep others from committing, otherwise, while nobody can end it.
    return { ...common, options: { enableWAL: true, ...options }, prepare: separateRunners };
  },
  createPools,
  createProber({ driver }, { onModest }) {
    const probe = async (run: RunStatement): Promise<ProbeAnswer> => {
      const [row] = await run('PRAGMA query_only');
      return { role: row?.['query_only'] === 1 ? 'replica' : 'primary', ...THERE, lagMs: 0 };
    };
    const options = { ...driver, logging: false, logger: undefined, maxQueryExecutionTime: undefined };
    return new TypeormProber({
      session: () => ({ options }),
      probe,
      probeRole: probe,
      refusesToTell: () => false,
      classify: classifySqliteFailure,
      onModest,
    });
  },
  connect,
  hasDied: () => false,
  giveBack,
  cancel: () => false,
  lastWordOf: () => undefined,
};

/** SQLite has one writer at a time: the connection of the routed DataSource is that one, and the others wait their turn. */
function createPools(
  settings: ResolvedNode,
  { owner, options }: PoolTerms,
): ReturnType<Connector['createPools']> {
  const { driver } = settings;
  const sizes = poolSizes(settings, options, Number(driver['poolSize'] ?? DEFAULT_SIZE));
  const make = () => sqlite(owner).databaseConnection;
  const waitMs = Number(driver['timeout'] ?? DEFAULT_TIMEOUT_MS);
  const writable = new FilePool({ size: 1, waitMs, make, isOwner: false });
  if (isPrivate(driver['database']))
    return { writable, 'read-only': new FilePool({ size: Infinity, waitMs, make, isOwner: false }) };
  return {
    writable,
    'read-only': new FilePool({
      size: sizes['read-only'],
      waitMs: options.monitor.connectTimeoutMs,
      make: () => openToRead(owner, driver),
      isOwner: true,
    }),
  };
}

function sqlite({ driver }: DataSource): SqliteDriver {
  return driver as unknown as SqliteDriver;
}

/** Another connection of TypeORM's making, which refuses to write. */
async function openToRead(owner: DataSource, options: DriverOptions): Promise<Database> {
  const own = sqlite(owner);
  const driver = Object.create(own, { options: { value: options } }) as SqliteDriver;
  const database = await driver.createDatabaseConnection();
  for (const { attachFilepathAbsolute, attachHandle } of Object.values(own.attachedDatabases))
    database.exec(`ATTACH "${attachFilepathAbsolute}" AS "${attachHandle}"`);
  refuseWrites(database);
  return database;
}

const DEFAULT_SIZE = 10;
/** TypeORM's own for how long SQLite waits for a lock. */
const DEFAULT_TIMEOUT_MS = 5_000;
