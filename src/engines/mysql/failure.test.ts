import { describe, expect, it } from '@jest/globals';
import type { FailureKind } from '../../engine.js';
import { classifyMysqlFailure, isServersAnswer, refusesToTell, tellsOfData } from './failure.js';

const server = (errno: number, message = 'text', sqlState = 'HY000') => ({
  errno,
  sqlState,
  message,
  sql: 'SELECT 1',
});

describe('failures of mysql2, MariaDB and MySQL', () => {
  it.each<[string, unknown, FailureKind]>([
    ['refused', { errno: -111, code: 'ECONNREFUSED' }, 'connection'],
    ['of all addresses', { errors: [{ code: 'ECONNREFUSED' }], message: '' }, 'connection'],
    ['silent', { code: 'ETIMEDOUT' }, 'connection'],
    ['closed', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }, 'connection'],
    [
      'closed before',
      { fatal: true, message: "Can't add new command when connection is in closed state" },
      'session-ended',
    ],
    ['of a closed pool', { message: 'Pool is closed.' }, 'connection'],
    ['of a full queue', { message: 'Queue limit reached.' }, 'overload'],
    ['of a wait', { code: 'POOL_WAIT_TIMEOUT' }, 'overload'],
    ['of too many connections', server(1040), 'overload'],
    ['of a user with too many', server(1226), 'overload'],
    ['of a time limit of the client', { code: 'PROTOCOL_SEQUENCE_TIMEOUT' }, 'timeout'],
    ['of a time limit of the server', server(1969), 'query'],
    ['killed query', server(1317), 'query'],
    ['a killed session', server(1927), 'connection'],
    ['a session that was idle', server(4031), 'session-ended'],
    ['wrong password', { errno: 1045 }, 'misconfigured'],
    ['no right to the database, of a connection', { errno: 1044 }, 'misconfigured'],
    ['no right to the database, of a query', server(1044), 'query'],
    ['no SSL', { code: 'HANDSHAKE_NO_SSL_SUPPORT' }, 'misconfigured'],
    ['a read-only transaction', server(1792, 'Cannot execute', '25006'), 'read-only'],
    ['a read-only server', server(1290, 'running with the --read-only option'), 'read-only'],
    ['a super read-only server', server(1290, 'running with the --super-read-only option'), 'read-only'],
    ['another option of the server', server(1290, 'running with the --secure-file-priv option'), 'query'],
    ['no table', server(1146), 'schema-behind'],
    ['no column', server(1054), 'schema-behind'],
    ['no function', server(1305), 'schema-behind'],
    ['a deadlock', server(1213, 'Deadlock', '40001'), 'query'],
    ['a wait for a lock', server(1205), 'query'],
    ['words of a routine', server(1644, 'Pool is closed', '45000'), 'query'],
    [
      'ProxySQL',
      { errno: 9001, sqlState: 'HY000', message: 'Max connect timeout reached while reaching hostgroup 1' },
      'connection',
    ],
    ['nothing', undefined, 'query'],
  ])('%s', (_what, error, kind) => {
    expect(classifyMysqlFailure(error)).toBe(kind);
    expect(classifyMysqlFailure({ driverError: error })).toBe(kind);
  });

  it('tell whether the server has answered', () => {
    expect([server(1062), server(1927), { code: 'ECONNRESET', errno: -104 }].map(isServersAnswer)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('tell of data where a write was refused by it', () => {
    const told = [
      server(1062, 'Duplicate', '23000'),
      server(1644, 'own', '45000'),
      server(1146, '', '42S02'),
    ];
    expect(told.map(tellsOfData)).toEqual([true, true, false]);
  });

  it('of a question that the server does not know or allow', () => {
    expect([server(1193), server(1227), server(1040)].map(refusesToTell)).toEqual([true, true, false]);
  });
});
