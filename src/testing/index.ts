export { startPostgresCluster, type PostgresClusterOptions } from './start-postgres-cluster.js';
export type { PostgresCluster } from './postgres-cluster.js';
export type { PostgresNode } from './postgres-node.js';
export { startMariadbCluster, type MariadbClusterOptions } from './start-mariadb-cluster.js';
export type { MariadbCluster } from './mariadb-cluster.js';
export type { MariadbNode } from './mariadb-node.js';
export type { NodeState } from './server-node.js';
export type { FaultyCluster, FaultyNode, StopMode } from './faulty-cluster.js';
export type { Settings, SettingValue } from './server-settings.js';
export { startTcpBalancer, type TcpBalancer } from './tcp-balancer.js';
export { startTcpProxy, type ProxyMode, type TcpAddress, type TcpProxy } from './tcp-proxy.js';
export { TestingError, type TestingErrorCode } from './testing-error.js';
export { waitUntil, type WaitOptions } from './wait-until.js';
export { checkHistory, type HistoryOptions, type HistoryReport } from './history-checker.js';
export type { HistoryViolation } from './history-client.js';
export {
  cookieClients,
  headerClients,
  keyClients,
  type ClientSession,
  type HistoryClients,
} from './history-clients.js';
export {
  recordRoutes,
  type RecordedApplication,
  type RecordedRoute,
  type RecordOptions,
  type RouteRecord,
} from './record-routes.js';
export { replicaFaults, type HistoryFault } from './history-faults.js';
