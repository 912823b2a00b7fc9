export { instrumentReplication, type InstrumentReplicationOptions } from './instrument-replication.js';
