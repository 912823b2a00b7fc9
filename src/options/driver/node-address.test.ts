import { describe, expect, it } from '@jest/globals';
import { drivers } from '../../engines/create-engine.js';
import { describeNode, isSameAddress } from './node-address.js';
import type { DriverOptions } from '../resolved-options.js';

const postgres = (options: object): DriverOptions => ({ type: 'postgres', ...options });

describe('a node is described by its address, without user and password', () => {
  it.each<[string, DriverOptions]>([
    ['localhost:5432', postgres({})],
    ['localhost:3306/app', { type: 'mariadb', database: 'app' }],
    ['db-1:6432/app', postgres({ host: 'DB-1', port: 6432, database: 'app' })],
    ['db-1:5432/app', postgres({ url: 'postgres://u:secret@db-1/app', host: 'db-2', database: 'other' })],
    ['db-1:5433/app', postgres({ url: 'postgres://u:secret@db-1:5433/app' })],
    ['[::1]:5433/app', postgres({ url: 'postgres://u:secret@[::1]:5433/app' })],
    ['[::1]:5432', postgres({ host: '::1' })],
    ['/run/postgresql:5432/app', postgres({ url: 'postgres://u:secret@/app?host=/run/postgresql' })],
    ['/run/postgresql app', postgres({ url: '/run/postgresql app' })],
    ['localhost:5432/app', postgres({ url: 'postgres://u:secret@/app' })],
    ['db-1:5432/100%', postgres({ url: 'postgres://u:secret@db-1/100%' })],
    ['db-2:1/app', postgres({ host: 'db-1', database: 'app', extra: { host: 'db-2', port: 1 } })],
    ['postgres://u:***@a:1,b:2/app', postgres({ url: 'postgres://u:secret@a:1,b:2/app' })],
  ])('%s', (description, driver) => {
    expect(describeNode(driver, drivers.rulesOf(driver['type']).defaultPort)).toBe(description);
  });
});

describe('two nodes are the same', () => {
  const primary = postgres({ url: 'postgres://u:secret@db-1/app' });

  it.each<[string, boolean, DriverOptions]>([
    ['when host, port and database are, however written', true, postgres({ host: 'db-1', database: 'app' })],
    ['with another user', true, postgres({ url: 'postgres://other@db-1:5432/app' })],
    ['not on another port', false, postgres({ host: 'db-1', port: 5433, database: 'app' })],
    ['not on another host', false, postgres({ host: 'db-2', database: 'app' })],
    ['not with another database', false, postgres({ host: 'db-1', database: 'other' })],
  ])('%s', (_when, isSame, driver) => {
    expect(isSameAddress(primary, driver, '5432')).toBe(isSame);
  });
});
