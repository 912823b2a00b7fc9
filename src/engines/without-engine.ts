const NOT_RUN = 'has not been run with replicas yet';
const SQLITE = "Of SQLite's drivers only better-sqlite3 has been run with replicas: use that for tests";
const DATA_API = 'is the HTTP Data API, which has no readers and no sessions: connect to the cluster as type';

/** Why databases of TypeORM cannot have replicas, by its `type`. All of them are used as ever where there is one server. */
export const WITHOUT_ENGINE: ReadonlyMap<unknown, string> = new Map([
  ['aurora-mysql', `It ${DATA_API} 'mysql'`],
  ['aurora-postgres', `It ${DATA_API} 'postgres'`],
  ['capacitor', SQLITE],
  ['cordova', SQLITE],
  ['expo', SQLITE],
  ['mongodb', "MongoDB's own driver chooses among its servers: use its readPreference and its sessions"],
  ['mssql', `SQL Server ${NOT_RUN}`],
  ['nativescript', SQLITE],
  ['oracle', `Oracle ${NOT_RUN}`],
  ['react-native', SQLITE],
  ['sap', `SAP HANA ${NOT_RUN}`],
  ['spanner', `Spanner ${NOT_RUN}`],
  ['sqlite', SQLITE], // of TypeORM 0.3
  ['sqljs', SQLITE],
]);
