import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../../errors.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { drivers } from '../create-engine.js';
import { primarySession, readOnlySessions } from './sessions.js';

const BALANCER = { host: 'crdb.internal', port: 26257, database: 'app' };
const options = (more: object) => ({ type: 'cockroachdb', primary: BALANCER, replicas: [BALANCER], ...more });

function problemsOf(given: object): readonly { readonly path: string; readonly message: string }[] {
  try {
    resolveOptions(given, drivers);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error;
    return error.problems;
  }
}

describe('options of a cluster of CockroachDB', () => {
  it('may lead to one address, and say that there are no time travel queries', () => {
    expect(problemsOf(options({ timeTravelQueries: false }))).toEqual([]);
  });

  it.each([
    [{ cluster: { failover: 'follow' } }, 'cluster.failover', 'every node of CockroachDB can be written'],
    [{ cluster: { startWithoutPrimary: true } }, 'cluster.startWithoutPrimary', 'a load balancer'],
    [{ timeTravelQueries: true }, 'timeTravelQueries', 'the state before their writes'],
    [{ primary: { ...BALANCER, timeTravelQueries: true } }, 'primary.timeTravelQueries', 'Remove it'],
    [{ monitor: { maxLagBytes: 1 } }, 'monitor.maxLagBytes', 'not in bytes'],
    [{ replicas: [{ ...BALANCER, readOnly: 'role' }] }, 'replicas[0].readOnly', "'role' is no way"],
  ])('cannot hold %j', (more, path, message) => {
    expect(problemsOf(options(more))).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it('are as ever without replicas', () => {
    expect(problemsOf(options({ replicas: [], timeTravelQueries: true }))).toEqual([]);
  });
});

describe('sessions', () => {
  const newestHistory = () => undefined;

  it('limit connecting, which TypeORM forgets, and keep the start-up options of the user', () => {
    const given = { connectTimeoutMS: 7, extra: { max: 3, options: '--cluster=blue' } };
    const [session] = readOnlySessions(primarySession(given, { newestHistory, isPrimary: () => false }), {
      means: 'auto',
      onIdentity: () => undefined,
      onRoleHint: () => undefined,
    });
    expect(session).toEqual({
      extra: {
        connectionTimeoutMillis: 7,
        max: 3,
        options:
          '--cluster=blue -c default_transaction_use_follower_reads=on -c default_transaction_read_only=on',
        verify: expect.any(Function),
      },
    });
  });
});
