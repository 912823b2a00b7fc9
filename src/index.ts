export { ReplicatedModule } from './nest/replicated.module.js';
export type {
  ConnectionOptions,
  CreateDataSource,
  NodesOptions,
  PrimaryOptions,
  ReplicaOptions,
  ReplicatedModuleAsyncOptions,
  ReplicatedModuleOptions,
  ReplicatedOptionsFactory,
} from './nest/replicated-options.js';
export {
  ChangesDatabase,
  UseReplica,
  UseSlave,
  type RouteDecorator,
  type UseSlaveOptions,
} from './nest/route.decorators.js';
export { Consistency } from './nest/route.decorators.js';
export { InjectCluster, InjectConnectionSelector, InjectReplicatedRepository } from './nest/injection.js';
export {
  getClusterToken,
  getConnectionSelectorToken,
  getPrimaryDataSourceToken,
  getReplicaDataSourceToken,
  getReplicatedRepositoryToken,
} from './nest/injection.js';
export { ReplicatedInterceptor } from './nest/replicated.interceptor.js';
export {
  createReplicatedDataSource,
  type ReplicatedDataSource,
} from './nest/create-replicated-data-source.js';
export { toDataSourceOptions } from './nest/to-data-source-options.js';
export { ROUTE_HEADER } from './http/explain-header.js';
export { TOKEN_HEADER } from './http/carriers/header-carrier.js';

export { ConnectionSelector, type QuerySummary, type RunOptions } from './typeorm/connection-selector.js';
export {
  ReplicatedRepository,
  ReplicatedTreeRepository,
  type RepositoryViews,
} from './typeorm/replicated-repository.js';

export { ReplicationCluster } from './cluster/replication-cluster.js';
export type { HandlerReport } from './cluster/events/handler-tallies.js';
export type { ReplicationStats } from './cluster/events/route-counters.js';
export type { ClusterEventName, ClusterEvents, ClusterListener } from './cluster/events/cluster-events.js';
export type { Metric, MetricPoint } from './cluster/metrics/metric.js';
export type { MetricsOptions } from './cluster/metrics/cluster-metrics.js';
export type {
  EventMessage,
  RefusedWriteMessage,
  RetryMessage,
  RouteMessage,
  WaitMessage,
  WaitOutcome,
} from './cluster/metrics/channels.js';
export {
  discoverByDns,
  type DiscoverByDnsOptions,
  type DnsReplica,
  type DnsResolver,
  type SrvRecord,
} from './cluster/membership/discover-by-dns.js';
export type { RemoveReplicaOptions } from './cluster/membership/membership.js';
export type { WhenReplayedOptions } from './cluster/tokens/replay-barrier.js';

export type { Balancer } from './routing/balancers/balancer.js';
export type { Candidate, NodeSnapshot, NodeState } from './routing/node-snapshot.js';
export type { ConsistencyLevel } from './routing/resolve-intent.js';
export type { RoutingRule } from './routing/route-rules.js';
export type {
  FallbackReason,
  Intent,
  IntentReason,
  Reason,
  Role,
  Route,
  StaleCause,
} from './routing/route.js';
export type { Carrier, CarrierRequest, CarrierResponse, Exchange, OutgoingToken } from './tokens/carrier.js';
export type {
  AboutRequest,
  ClusterOptions,
  ConsistencyOptions,
  CookieOptions,
  Endpoint,
  MonitorOptions,
  NewSession,
  NodeSettings,
  OnConnect,
  ReadOnlyMeans,
  ReplicaSettings,
  RoutingControl,
  RoutingMode,
  RoutingOptions,
  RoutingSettings,
  SessionOptions,
  StoreOptions,
  TokenStore,
} from './options/options.js';

export {
  InvalidOptionsError,
  NoReplicaAvailableError,
  PrimaryUnavailableError,
  ReplicatedError,
  ReplicaWriteError,
  SessionSetUpError,
  UnavailableError,
  UsageError,
  type OptionsProblem,
  type ReplicaWriteDetails,
} from './errors.js';
