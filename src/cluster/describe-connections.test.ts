import { describe, expect, it } from '@jest/globals';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ClusterNode, Session } from './nodes/cluster-node.js';
import { describeConnections } from './describe-connections.js';

const nodeOf = (name: string, sizes: Readonly<Record<Session, number>>): ClusterNode =>
  ({
    name,
    pools: { writable: { size: sizes.writable }, 'read-only': { size: sizes['read-only'] } },
  }) as unknown as ClusterNode;
const optionsOf = (failover: 'none' | 'follow', primaryFallbackMax: number) =>
  ({ routing: { primaryFallbackMax }, cluster: { failover } }) as ResolvedOptions;

describe('the connections that start-up announces', () => {
  const primary = nodeOf('primary', { writable: 10, 'read-only': 5 });
  const nodes = [primary, nodeOf('replica-1', { writable: 10, 'read-only': 10 })];

  it.each<[string, ResolvedOptions, string]>([
    ['are the pools and the monitor', optionsOf('none', 5), 'primary 16, replica-1 11'],
    ['leave out the fall-back where there is none', optionsOf('none', 0), 'primary 11, replica-1 11'],
    [
      'are for either role where any node may be promoted',
      optionsOf('follow', 5),
      'primary 16, replica-1 21',
    ],
  ])('%s', (_, options, counts) => {
    expect(describeConnections({ primary, nodes }, options)).toBe(
      `This process opens at most so many connections: ${counts}.`,
    );
  });
});
