import { describe, expect, it } from '@jest/globals';
import type { NodeSnapshot, NodeState } from '../routing/node-snapshot.js';
import type { RoutingMode } from '../options/options.js';
import { serviceLevelOf } from './service-level.js';

const node = (role: 'primary' | 'replica', state: NodeState): NodeSnapshot => ({ name: role, role, state });

interface Case {
  readonly primary: NodeState;
  readonly replicas: readonly NodeState[];
  readonly mode?: RoutingMode;
  readonly allowsFallback?: boolean;
  readonly is: string;
}

const CASES: readonly Case[] = [
  { primary: 'usable', replicas: ['usable', 'usable'], is: 'reads, writes, 2 replicas' },
  { primary: 'usable', replicas: ['lagging', 'suspect'], is: 'reads, writes, 2 replicas' },
  { primary: 'usable', replicas: ['unreachable', 'stale'], is: 'reads, writes, 0 replicas' },
  { primary: 'usable', replicas: ['unreachable'], allowsFallback: false, is: 'writes, 0 replicas' },
  { primary: 'suspect', replicas: ['usable'], is: 'reads, writes, 1 replicas' },
  { primary: 'unreachable', replicas: ['usable'], is: 'reads, 1 replicas' },
  { primary: 'is-replica', replicas: ['usable'], is: 'reads, 1 replicas' },
  { primary: 'unreachable', replicas: ['unreachable'], is: '0 replicas' },
  { primary: 'unreachable', replicas: ['usable'], mode: 'primary-only', is: '1 replicas' },
  {
    primary: 'usable',
    replicas: [],
    mode: 'observe',
    allowsFallback: false,
    is: 'reads, writes, 0 replicas',
  },
];

describe('what a cluster can do', () => {
  it.each(CASES)(
    'primary $primary, replicas $replicas, mode $mode, fall-back $allowsFallback: $is',
    ({ primary, replicas, mode = 'route', allowsFallback = true, is }) => {
      const level = serviceLevelOf({
        mode,
        primary: node('primary', primary),
        replicas: replicas.map((state) => node('replica', state)),
        terms: { allowsFallback },
      });
      const parts = [level.reads && 'reads', level.writes && 'writes', `${level.replicas} replicas`];
      expect(parts.filter(Boolean).join(', ')).toBe(is);
    },
  );

  it('does not count replicas that are set apart, unless all are', () => {
    const apart: NodeSnapshot = { ...node('replica', 'usable'), group: 'reports' };
    const levelOf = (...replicas: NodeSnapshot[]) =>
      serviceLevelOf({
        mode: 'route',
        primary: node('primary', 'usable'),
        replicas,
        terms: { allowsFallback: true },
      }).replicas;
    expect(levelOf(node('replica', 'unreachable'), apart)).toBe(0);
    expect(levelOf(apart)).toBe(1);
  });
});
