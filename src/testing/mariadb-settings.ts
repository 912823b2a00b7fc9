import type { SettingValue, Settings } from './server-settings.js';
import { TestingError } from './testing-error.js';

const DEFAULTS: Settings = {
  bind_address: '127.0.0.1',
  socket: '',
  skip_name_resolve: true,
  character_set_server: 'utf8mb4',
  default_time_zone: '+00:00',
  log_bin: 'bin',
  log_slave_updates: true,
  binlog_format: 'ROW',
  gtid_strict_mode: true,
  slave_net_timeout: 5,
  // Survives the end of the process, not a power cut.
  innodb_flush_log_at_trx_commit: 2,
  sync_binlog: 0,
  debug_no_sync: true,
  innodb_buffer_pool_size: '16M',
  innodb_log_file_size: '8M',
  // Servers side by side would use up the memory that a user may lock for it.
  innodb_use_native_aio: false,
  performance_schema: false,
};

/** The text of an option file; `settings` win over the defaults. */
export function formatOptionFile(settings: Settings): string {
  const own = Object.entries(settings).map(([name, value]) => [optionOf(name), value]);
  const all: Settings = { ...DEFAULTS, ...Object.fromEntries(own) };
  const lines = Object.entries(all).map(
    ([name, value]) => `${name} = "${toText(value).replaceAll(/["\\]/g, '\\$&')}"`,
  );
  return `[mariadbd]\n${lines.join('\n')}\n`;
}

/** The statement that changes a setting of a running server. */
export function formatSetGlobal(name: string, value: SettingValue): string {
  const option = optionOf(name);
  return `SET GLOBAL ${VARIABLES[option] ?? option} = ${formatValue(value)}`;
}

/** A string as SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}

/** A name as SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

// Options whose variables have other names.
const VARIABLES: Record<string, string> = {
  default_time_zone: 'time_zone',
  transaction_isolation: 'tx_isolation',
  transaction_read_only: 'tx_read_only',
};
const FACTORS: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Sizes such as "16M" are understood in option files only. */
function formatValue(value: SettingValue): string {
  if (typeof value !== 'string') return String(Number(value));
  const [, digits, unit] = /^(\d+)([kmg])$/i.exec(value) ?? [];
  if (digits === undefined || unit === undefined) return quoteText(value);
  return String(Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1));
}

function toText(value: SettingValue): string {
  return typeof value === 'boolean' ? String(Number(value)) : String(value);
}

/** The name as in the server's list of options. */
function optionOf(name: string): string {
  if (/^[A-Za-z][\w-]*$/.test(name)) return name.replaceAll('-', '_');
  throw new TestingError(
    'ERR_TESTING_BAD_OPTION',
    `settings: "${name}" is not the name of a MariaDB setting. Use names as in my.cnf, such as max_connections.`,
  );
}
