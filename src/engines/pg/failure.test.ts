import { describe, expect, it } from '@jest/globals';
import type { FailureKind } from '../../engine.js';
import { classifyPgFailure } from './failure.js';

type Case = readonly [who: string, code: string | undefined, message: string, severity?: string | undefined];

/** As node-postgres makes them, inside of TypeORM's own. */
function failure([, code, message, severity]: Case): unknown {
  return { driverError: Object.assign(new Error(message), { code, severity }) };
}

const kindOf = (example: Case): FailureKind => classifyPgFailure(failure(example));

describe('a failure', () => {
  const LIMITS: readonly Case[] = [
    ['pg-pool', undefined, 'timeout exceeded when trying to connect'],
    ['PostgreSQL', '53300', 'sorry, too many clients already', 'FATAL'],
    ['PostgreSQL', '53300', 'Verbindungslimit für Datenbank »app« überschritten', 'FATAL'],
    ['PostgreSQL', '53300', 'too many connections for role "app"', 'FATAL'],
    [
      'PostgreSQL',
      '53300',
      'remaining connection slots are reserved for roles with the SUPERUSER attribute',
      'FATAL',
    ],
    ['PostgreSQL', '53400', 'configuration limit exceeded', 'FATAL'],
    ['PgBouncer', '08P01', 'no more connections allowed (max_client_conn)', 'FATAL'],
    ['PgBouncer to 1.15', '08P01', 'no more connections allowed (max_client_conn)', 'ERROR'],
    ['PgBouncer', '08P01', 'client connections exceeded (max_db_client_connections)', 'FATAL'],
    ['PgBouncer', '08P01', 'client connections exceeded (max_user_client_connections)', 'FATAL'],
    ['PgBouncer', '08P01', 'query_wait_timeout', 'FATAL'],
    ['PgBouncer', '08P01', 'bouncer resources exhaustion', 'FATAL'],
    ['PgBouncer to 1.19', '08P01', 'server login failed: FATAL sorry, too many clients already', 'FATAL'],
    ['PgBouncer', '53300', 'sorry, too many clients already', 'FATAL'],
    [
      'PgBouncer',
      '08P01',
      'server login has been failing, cached error: sorry, too many clients already (server_login_retry)',
      'FATAL',
    ],
    [
      'PgBouncer',
      '08P01',
      'server login has been failing, cached error: remaining connection slots are reserved for non-replication superuser connections (server_login_retry)',
      'FATAL',
    ],
    ['Odyssey', '53300', 'odyssey: c1a2b3: too many connections', 'ERROR'],
    [
      'Odyssey',
      '53300',
      'odyssey: c1a2b3: too many active clients for user (pool_size for user app.app reached 4)',
      'FATAL',
    ],
    ['pgpool-II', '53300', 'Sorry, too many clients already', 'FATAL'],
    ['Supavisor', 'XX000', '(EMAXCONN) max client connections reached, limit: 200', 'FATAL'],
    [
      'Supavisor',
      'XX000',
      '(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15',
      'FATAL',
    ],
    ['Supavisor', 'XX000', '(EMAXPROXYCONN) max proxy connections reached, limit: 10', 'FATAL'],
    ['Supavisor 1', 'XX000', 'Max client connections reached', 'FATAL'],
    [
      'Supavisor 1',
      'XX000',
      'MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size',
      'FATAL',
    ],
    ['Supavisor 1', 'XX000', 'Unable to check out process from the pool due to timeout', 'FATAL'],
    ['Supavisor', 'XX000', '(ECHECKOUTTIMEOUT) Pool checkout timeout. Request was dropped', 'FATAL'],
    ['RDS Proxy', '08000', 'Timed-out waiting to acquire database connection', 'FATAL'],
    ['RDS Proxy', '08000', 'The maximum number of client connections to the proxy exceeded 100.', 'FATAL'],
    ['RDS Proxy', '08000', 'Rate of connection to proxy exceeded 100.', 'FATAL'],
    ['pgcat', '58000', 'could not get connection from the pool', 'FATAL'],
    ['PgDog', '58000', 'checkout timeout', 'ERROR'],
    [
      'Neon',
      'XX000',
      'Failed to acquire permit to connect to the database. Too many database connection attempts are currently ongoing.',
      'FATAL',
    ],
  ];

  it.each(LIMITS)('of a limit of connections is overload: %s, %s %s', (...example) => {
    expect(kindOf(example)).toBe('overload');
  });

  const LOSSES: readonly Case[] = [
    ['PgBouncer', '08P01', 'server conn crashed?', 'FATAL'],
    ['PgBouncer', '08P01', 'server login has been failing, try again later (server_login_retry)', 'FATAL'],
    [
      'PgBouncer',
      '08P01',
      'server login has been failing, cached error: connect failed (server_login_retry)',
      'FATAL',
    ],
    ['PgBouncer', '08P01', 'client_login_timeout (server down)', 'FATAL'],
    ['PgBouncer', '08P01', 'pooler is shutting down', 'FATAL'],
    ['PgBouncer', '08P01', 'server shutting down', 'FATAL'],
    ['PgBouncer', '08P01', 'database "app" is disabled', 'FATAL'],
    ['Odyssey', '08006', 'odyssey: c1a2b3: failed to connect to remote server', 'FATAL'],
    ['pgcat', '58000', 'could not get connection from the pool - AllServersDown', 'FATAL'],
    ['PgDog', '57P01', 'PgDog is shutting down', 'FATAL'],
    ['node-postgres', undefined, 'Connection terminated unexpectedly'],
    ['node-postgres', 'ECONNRESET', 'read ECONNRESET'],
  ];

  it.each(LOSSES)('of a lost server is a lost connection: %s, %s %s', (...example) => {
    expect(kindOf(example)).toBe('connection');
  });

  const ENDED: readonly Case[] = [
    ['PostgreSQL', '57P05', 'terminating connection due to idle-session timeout', 'FATAL'],
    ['PostgreSQL', '25P03', 'terminating connection due to idle-in-transaction timeout', 'FATAL'],
    ['PostgreSQL', '40001', 'terminating connection due to conflict with recovery', 'FATAL'],
    ['PostgreSQL', '40001', 'завершение подключения из-за конфликта с процессом восстановления', 'ВАЖНО'],
    ['PostgreSQL', 'XX000', 'an error of an extension', 'FATAL'],
    ['PostgreSQL', '58030', 'could not write file', 'PANIC'],
    ['PgDog', '57P05', 'disconnecting idle client', 'FATAL'],
    ['PgBouncer', '08P01', 'client_idle_timeout', 'FATAL'],
    ['PgBouncer', '08P01', 'idle transaction timeout', 'FATAL'],
    ['Supavisor', 'XX000', 'DbHandler exited', 'FATAL'],
  ];

  it.each(ENDED)('that ends the session is not of the query: %s, %s %s', (...example) => {
    expect(kindOf(example)).toBe('session-ended');
  });

  it.each([
    'PANIC',
    'FATALE',
    'FATALT',
    'PANIK',
    'ФАТАЛЬНО',
    '致命错误',
    '比致命错误还过分的错误',
    '치명적오류',
    'ფატალური',
  ])('ends the session in other languages, too: %s', (severity) => {
    expect(kindOf(['PostgreSQL', 'XX000', 'x', severity])).toBe('session-ended');
  });

  it.each(['ERROR', 'FEHLER', 'ERREUR', 'ERRORE', 'ОШИБКА', 'FEL', '오류', '错误', 'BŁĄD', undefined])(
    'does not end it as %s',
    (severity) => {
      expect(kindOf(['PostgreSQL', 'XX000', 'x', severity])).toBe('query');
      expect(kindOf(['PostgreSQL', '40001', 'x', severity])).toBe('recovery-conflict');
    },
  );

  it.each<readonly [FailureKind, ...Case]>([
    ['connection', 'PostgreSQL', '57P01', 'terminating connection due to administrator command', 'FATAL'],
    ['connection', 'PostgreSQL', '57P02', 'terminating connection because of crash of another', 'FATAL'],
    ['starting', 'PostgreSQL', '57P03', 'the database system is starting up', 'FATAL'],
    ['connection', 'PostgreSQL', '57P04', 'terminating connection due to conflict with recovery', 'FATAL'],
    ['misconfigured', 'PostgreSQL', '3D000', 'database "app" does not exist', 'FATAL'],
    ['misconfigured', 'PostgreSQL', '28P01', 'password authentication failed', 'FATAL'],
    ['timeout', 'PostgreSQL', '25P04', 'terminating connection due to transaction timeout', 'FATAL'],
    ['query', 'PostgreSQL', '57014', 'canceling statement due to statement timeout', 'ERROR'],
  ])('is what its code says, where that says more: %s by %s, %s %s', (kind, ...example) => {
    expect(kindOf(example)).toBe(kind);
  });

  const OWN: readonly Case[] = [
    ['a function', 'P0001', 'too many connections for this tenant', 'ERROR'],
    ['a function', 'P0001', 'timeout expired', 'ERROR'],
    ['a constraint', '23505', 'Key (text)=(no such database) already exists.', 'ERROR'],
  ];

  it.each(OWN)('of a query is its own, whatever its text: %s, %s %s', (...example) => {
    expect(kindOf(example)).toBe('query');
  });

  // Of PostgreSQL itself, which names the routine, and lets the session go on.
  it.each([
    ['08001', 'could not connect to server "other"', 'ERROR', 'connect_pg_server'],
    ['3D000', 'database "nope" does not exist', 'ERROR', 'get_database_oid'],
    ['53400', 'temporary file size exceeds "temp_file_limit" (1024kB)', 'ERROR', 'FileWriteV'],
    ['53400', 'Größe der temporären Datei überschreitet temp_file_limit', 'FEHLER', 'FileWriteV'],
  ])('is of the query, not of the connection: %s %s', (code, message, severity, routine) => {
    expect(classifyPgFailure({ code, message, severity, routine })).toBe('query');
    expect(classifyPgFailure({ code, message, severity: 'FATAL', routine })).not.toBe('query');
  });

  it.each([
    ['PgBouncer', '08P01', 'query_timeout', 'FATAL'],
    ['PgBouncer', '08P01', 'query timeout', 'FATAL'],
    ['PgBouncer', '08P01', 'transaction timeout', 'FATAL'],
    ['pgcat', '58000', 'pool statement timeout', 'FATAL'],
  ] as const)('of a query that takes longer than a pooler allows is a timeout: %s, %s %s', (...example) => {
    expect(kindOf(example)).toBe('timeout');
  });
});
