import type { ClusterPlan } from './server-cluster.js';
import type { Settings } from './server-settings.js';
import { TestingError } from './testing-error.js';

/** What the clusters of all databases have in common. */
export interface ClusterOptions {
  /** Number of replicas. Default 1; 0 is allowed. */
  replicas?: number;
  /** The application's database, in which `role` may do everything. Default "app". */
  database?: string;
  /** The application's login: an ordinary role, no superuser. Default "app". */
  role?: string;
  /** Password of `role`, then checked. Default: none, every connection from this machine is trusted. */
  password?: string;
  /** Settings of the server for all nodes, for example `{ max_connections: 200 }`. */
  settings?: Settings;
  /** Receives a line for each step. Default: silence. */
  log?: (line: string) => void;
  /** For the start of each node, and for later waits, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

/** Checks what can be checked before anything is started, and fills in the defaults. */
export function resolvePlan(options: ClusterOptions): ClusterPlan {
  const { replicas = 1, database = 'app', role = 'app', password, timeoutMs = 30_000 } = options;
  if (Number.isInteger(replicas) && replicas >= 0) return { replicas, database, role, password, timeoutMs };
  throw new TestingError(
    'ERR_TESTING_BAD_OPTION',
    `replicas: expected an integer of 0 or more, got ${replicas}. Pass the number of replicas to start.`,
  );
}
