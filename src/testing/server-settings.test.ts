import { describe, expect, it } from '@jest/globals';
import { formatAlterSystem, formatConfiguration, formatHostRules } from './server-settings.js';

describe('settings', () => {
  it('of the user win over the defaults', () => {
    const lines = formatConfiguration(17, { fsync: true, work_mem: 64 }).split('\n');
    expect(lines).toContain(`fsync = 'true'`);
    expect(lines).toContain(`work_mem = '64'`);
    expect(lines.filter((line) => line.startsWith('fsync '))).toHaveLength(1);
  });

  it('of a version are not sent to an older one', () => {
    expect(formatConfiguration(17, {})).not.toMatch('io_method');
    expect(formatConfiguration(18, {})).toMatch(`io_method = 'sync'`);
  });

  it('are quoted', () => {
    expect(formatAlterSystem({ 'app.motto': `it's` })).toEqual([`ALTER SYSTEM SET app.motto = 'it''s'`]);
  });

  it.each(['a b', 'a=1;--', '', 'a.b.c', `a'`])('with the name "%s" are refused', (name) => {
    expect(() => formatAlterSystem({ [name]: 1 })).toThrow(/is not the name of a PostgreSQL setting/);
  });
});

describe('host rules', () => {
  it('let everybody but the superuser in by the given method', () => {
    expect(formatHostRules('scram-sha-256').trim().split('\n').at(-1)).toBe(
      'host all all 127.0.0.1/32 scram-sha-256',
    );
  });
});
