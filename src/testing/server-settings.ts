import { TestingError } from './testing-error.js';

/** A PostgreSQL setting as users write it. */
export type SettingValue = string | number | boolean;

/** PostgreSQL settings by name, for example `{ max_connections: 200 }`. */
export type Settings = Record<string, SettingValue>;

const DEFAULTS: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  wal_level: 'replica',
  hot_standby: true,
  max_wal_senders: 10,
  wal_keep_size: '256MB',
  wal_retrieve_retry_interval: '100ms',
  wal_receiver_status_interval: '1s',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
  recovery_target_timeline: 'latest',
  max_prepared_transactions: 10,
  // Nothing here has to survive a power cut.
  fsync: false,
  full_page_writes: false,
  shared_buffers: '16MB',
  jit: false,
  // Files in the data folder, which vanish with it: a killed server leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
};

/** The lines of a configuration file for a server of version `major`; `settings` win over the defaults. */
export function formatConfiguration(major: number, settings: Settings): string {
  const own = major >= 18 ? { ...DEFAULTS, io_method: 'sync' } : DEFAULTS;
  const lines = Object.entries({ ...own, ...settings }).map(
    ([name, value]) => `${checkName(name)} = ${quote(value)}`,
  );
  return `${lines.join('\n')}\n`;
}

/** How the application's role proves who it is. */
export type HostMethod = 'trust' | 'scram-sha-256';

/** Who may log in: the superuser without a password, everybody else by `method`; only from this machine. */
export function formatHostRules(method: HostMethod, from = '127.0.0.1/32'): string {
  return [
    `host all postgres ${from} trust`,
    `host replication postgres ${from} trust`,
    `host all all ${from} ${method}`,
    '',
  ].join('\n');
}

/** The statements that change settings of a running server. */
export function formatAlterSystem(settings: Settings): string[] {
  return Object.entries(settings).map(
    ([name, value]) => `ALTER SYSTEM SET ${checkName(name)} = ${quote(value)}`,
  );
}

/** Where a standby gets its log from. */
export function formatPrimaryConnection(upstream: { host: string; port: number }, name: string): string {
  return `host=${upstream.host} port=${upstream.port} user=postgres application_name=${name} connect_timeout=2`;
}

function quote(value: SettingValue): string {
  return `'${String(value).replaceAll("'", "''")}'`;
}

function checkName(name: string): string {
  if (/^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?$/.test(name)) return name;
  throw new TestingError(
    'ERR_TESTING_BAD_OPTION',
    `settings: "${name}" is not the name of a PostgreSQL setting. Use names as in postgresql.conf, such as work_mem.`,
  );
}
