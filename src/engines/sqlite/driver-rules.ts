import type { DriverRules } from '../../options/driver/driver-rules.js';
import { isPrivate, refuseWrites, type Database } from './database.js';

const PRIVATE =
  "has a database in memory, which no other connection can read. Give a file at the top level: database: 'test.sqlite'.";
const OTHER_FILE =
  "is another file than the primary's, which nothing replicates to. Give database once, at the top level, and not here.";

/** Of better-sqlite3. */
export const driverRules: DriverRules = {
  defaultPort: '',
  poolSizeInExtra: 'max',
  synonymsInExtra: new Map(),
  readOnlyMeans: new Set(['auto']),
  canSetUpSessions: false,
  hasLagInBytes: false,
  checkUrl: () => undefined,
  refusedExtra: () => [],
  complete: (merged) => merged,
  withConnectTimeout: (driver) => driver,
  asReplica(driver) {
    const prepare = driver['prepareDatabase'] as ((database: Database) => unknown) | undefined;
    const prepareDatabase = async (database: Database): Promise<void> => {
      await prepare?.(database);
      refuseWrites(database);
    };
    return Object.freeze({ ...driver, prepareDatabase });
  },
  checkReplica({ database }, primary) {
    if (isPrivate(database)) return PRIVATE;
    return database === primary['database'] ? undefined : OTHER_FILE;
  },
};
