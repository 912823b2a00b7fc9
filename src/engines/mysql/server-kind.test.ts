import { describe, expect, it } from '@jest/globals';
import { kindOf } from './server-kind.js';

const kind = (version: string, variables: Record<string, string>) => {
  const { tracking, hasPositions, weakness } = kindOf(version, new Map(Object.entries(variables)));
  return [tracking, hasPositions, weakness?.split(/[:,(]/)[0]?.trim()];
};

describe('what stands behind a connection', () => {
  it.each<[string, string, Record<string, string>, unknown[]]>([
    ['MariaDB', '5.5.5-10.11.19-MariaDB', { log_bin: 'ON' }, ['mariadb', true, undefined]],
    [
      'MariaDB without a binary log',
      '11.4.2-MariaDB',
      { log_bin: 'OFF' },
      ['nothing', true, 'It has no binary log'],
    ],
    ['such a replica', '11.4.2-MariaDB', { log_bin: 'OFF', read_only: 'ON' }, ['nothing', true, undefined]],
    ['MySQL', '8.4.0', { gtid_mode: 'ON' }, ['mysql', true, undefined]],
    ['MySQL on its way', '8.4.0', { gtid_mode: 'ON_PERMISSIVE' }, ['mysql', true, undefined]],
    ['MySQL without GTIDs', '8.4.0', { gtid_mode: 'OFF' }, ['nothing', false, 'Its gtid_mode is not ON']],
    ['Aurora', '8.0.28', { aurora_version: '3.04.0', gtid_mode: 'ON' }, ['nothing', false, 'Aurora MySQL']],
    ['Galera', '10.11.1-MariaDB', { wsrep_on: 'ON', log_bin: 'ON' }, ['nothing', false, 'Galera']],
    ['Vitess', '8.0.30-Vitess', {}, ['nothing', false, 'Vitess']],
    [
      'ProxySQL',
      '8.0.11',
      { version_comment: '(ProxySQL)' },
      ['nothing', false, 'A proxy stands behind its address'],
    ],
  ])('%s', (_what, version, variables, expected) => {
    expect(kind(version, variables)).toEqual(expected);
  });
});
