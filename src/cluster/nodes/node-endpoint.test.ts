import { describe, expect, it } from '@jest/globals';
import { compareServers } from '../../engines/postgres/server-identity.js';
import { NodeEndpoint, type EndpointKind } from './node-endpoint.js';

const A = '10.0.0.1 5432 1000.5';
const B = '10.0.0.2 5432 1000.5';
const A_RESTARTED = '10.0.0.1 5432 2000.5';
const QUIET = { compare: compareServers, onHidden: () => undefined };

describe('what stands behind an address', () => {
  it.each<[string, readonly string[], EndpointKind]>([
    ['one server that is always the same', [A, A, A], 'server'],
    ['one server that was restarted', [A, A_RESTARTED], 'server'],
    ['two servers in turn', [A, B], 'per-connection'],
    ['a server whose start time goes back', [A_RESTARTED, A], 'per-connection'],
    ['two servers, one of which is seen again', [A, A_RESTARTED, A], 'per-connection'],
  ])('%s', (_what, seen, kind) => {
    const told: EndpointKind[] = [];
    const endpoint = new NodeEndpoint({
      setting: 'auto',
      compare: compareServers,
      onHidden: (found) => told.push(found),
    });
    for (const serverId of seen) endpoint.learn({ serverId, isPooled: false });
    expect(endpoint.kind).toBe(kind);
    expect(told).toEqual(kind === 'server' ? [] : [kind]);
  });

  it('tells of every restart of its server, whatever the options say', () => {
    for (const setting of ['auto', 'server'] as const) {
      let restarts = 0;
      const endpoint = new NodeEndpoint({
        ...QUIET,
        setting,
        onRestart: () => restarts++,
      });
      for (const serverId of [A, A, A_RESTARTED, A_RESTARTED]) endpoint.learn({ serverId, isPooled: false });
      expect([restarts, endpoint.restarts]).toEqual([1, 1]);
    }
  });

  it('a pooler makes it the most careful kind, and it stays so', () => {
    const endpoint = new NodeEndpoint({ ...QUIET, setting: 'auto' });
    endpoint.learn({ serverId: A, isPooled: true });
    endpoint.learn({ serverId: B, isPooled: false });
    expect(endpoint.kind).toBe('per-transaction');
  });

  it('is what the options say, if they do', () => {
    const endpoint = new NodeEndpoint({ ...QUIET, setting: 'server' });
    endpoint.learn({ serverId: A, isPooled: true });
    endpoint.learn({ serverId: B, isPooled: true });
    expect(endpoint.kind).toBe('server');
  });
});
