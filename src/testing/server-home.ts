import type { StopMode } from './faulty-cluster.js';
import type { HostMethod, Settings } from './server-settings.js';
import type { TcpAddress } from './tcp-proxy.js';

/** Where the servers of a cluster live. */
export interface ClusterSite {
  /** Version and place, for people. */
  readonly description: string;
  /** Where proxies must listen so that servers reach them, too. */
  readonly proxyHost: string;
  /** Removes everything, once all servers have stopped. */
  close(): Promise<void>;
}

/** Where PostgreSQL servers live: folders and processes of this machine, or containers. */
export interface Site extends ClusterSite {
  createHome(name: string): ServerHome;
}

/** The address and the processes of one server. */
export interface ServerPlace {
  /** Where clients reach it. */
  readonly host: string;
  /** A port for clients to try: one that the place has reserved, or what `choosePort` answers. */
  findPort(choosePort: () => Promise<number>): Promise<number>;
  /** Starts the server and waits until it accepts connections. */
  launch(options: LaunchOptions): Promise<ServerRun>;
}

/** The place of one PostgreSQL server, and its data. */
export interface ServerHome extends ServerPlace {
  /** Creates the data of a new primary. */
  create(options: { settings: Settings; method: HostMethod }): Promise<void>;
  /** Copies the data of a server that has never run. */
  clone(source: this): Promise<void>;
  /** Replaces the data by a copy of those of a running server. */
  backUp(source: BackupSource): Promise<void>;
  /** Makes the server, which must not run, a standby of `upstream` from its next start on. */
  makeStandby(upstream: TcpAddress, name: string): Promise<void>;
  /** `address`, of a server or of a proxy in front of one, as this server reaches it. */
  reach(address: TcpAddress): TcpAddress;
}

export interface LaunchOptions {
  port: number;
  timeoutMs: number;
  /** Receives what the server writes to its log. */
  onLog: (text: string) => void;
}

/** A running server whose data are copied. */
export interface BackupSource extends TcpAddress {
  readonly home: ServerHome;
  withConnection<T>(work: (query: (sql: string) => Promise<unknown[]>) => Promise<T>): Promise<T>;
}

/** One run of a server, from its start to its end. */
export interface ServerRun {
  readonly pid: number;
  /** Becomes false by itself when the server crashes. */
  readonly isRunning: boolean;
  readonly isFrozen: boolean;
  stop(mode: StopMode, timeoutMs: number): Promise<void>;
  /** Ends all processes at once; the data can be used by another run right away. */
  kill(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

/** How PostgreSQL is told to stop. */
export const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** What PostgreSQL says when it accepts connections, and when it cannot. */
export const LOG_PHRASES = {
  ready: /ready to accept (read[- ]only )?connections/,
  portTaken: /could not bind|could not create any TCP/,
} as const;
