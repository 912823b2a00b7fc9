import { describe, expect, it } from '@jest/globals';
import { formatOptionFile, formatSetGlobal, quoteName, quoteText } from './mariadb-settings.js';

describe('MariaDB settings', () => {
  it('of the user win over the defaults', () => {
    const lines = formatOptionFile({ sync_binlog: 1, log_slave_updates: false }).split('\n');
    expect(lines[0]).toBe('[mariadbd]');
    expect(lines.filter((line) => /^(sync_binlog|log_slave)/.test(line))).toEqual([
      'log_slave_updates = "0"',
      'sync_binlog = "1"',
    ]);
  });

  it('win also with hyphens, as on a command line', () => {
    expect(formatOptionFile({ 'sync-binlog': 1 })).not.toMatch('sync_binlog = "0"');
  });

  it('are quoted', () => {
    expect(formatOptionFile({ init_connect: `SET @a = "it's", @b = '\\\\'` })).toMatch(
      `init_connect = "SET @a = \\"it's\\", @b = '\\\\\\\\'"`,
    );
    expect([quoteText(`it's \\`), quoteName('a`b')]).toEqual([`'it\\'s \\\\'`, '`a``b`']);
  });

  it.each([
    ['max_connections', 5, 'max_connections = 5'],
    ['read-only', true, 'read_only = 1'],
    ['max_allowed_packet', '16M', 'max_allowed_packet = 16777216'],
    ['binlog_format', 'MIXED', `binlog_format = 'MIXED'`],
    ['default_time_zone', '+05:00', `time_zone = '+05:00'`],
  ])('%s = %s of a running server are set by name and value', (name, value, assignment) => {
    expect(formatSetGlobal(name, value)).toBe(`SET GLOBAL ${assignment}`);
  });

  it.each(['a b', 'a=1;--', '', 'a.b', `a'`])('with the name "%s" are refused', (name) => {
    expect(() => formatSetGlobal(name, 1)).toThrow(/is not the name of a MariaDB setting/);
    expect(() => formatOptionFile({ [name]: 1 })).toThrow(/is not the name of a MariaDB setting/);
  });
});
