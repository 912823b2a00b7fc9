export { ReplicationHealthIndicator, type ReplicationHealthOptions } from './replication-health-indicator.js';
