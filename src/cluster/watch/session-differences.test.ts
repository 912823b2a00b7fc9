import { describe, expect, it } from '@jest/globals';
import { ClusterEmitter } from '../events/cluster-events.js';
import { SessionDifferences } from './session-differences.js';

const MODES = { time_zone: 'UTC', sql_mode: 'STRICT_TRANS_TABLES' };

describe('sessions of nodes', () => {
  const differences = () => {
    const told: string[] = [];
    const events = new ClusterEmitter((_name, error) => {
      throw error;
    });
    events.on('promiseWeakened', ({ node, detail }) => told.push(`${node}: ${detail.split(':')[0]}`));
    return { told, nodes: new SessionDifferences(() => 'primary', events) };
  };

  it('that are alike are nothing to tell', () => {
    const { told, nodes } = differences();
    for (const node of ['a', 'primary', 'b']) nodes.learn(node, MODES);
    expect(told).toEqual([]);
  });

  it('that differ from those of the primary are told of once, by name and value, in whatever sequence they answer', () => {
    const { told, nodes } = differences();
    nodes.learn('a', { ...MODES, time_zone: 'CET' });
    nodes.learn('primary', MODES);
    nodes.learn('b', { time_zone: 'CET', sql_mode: '' });
    for (const node of ['a', 'primary', 'b'])
      nodes.learn(node, node === 'a' ? { ...MODES, time_zone: 'CET' } : MODES);
    expect(told).toEqual([
      `a: Its sessions differ from those of "primary" in time_zone ('CET', there 'UTC')`,
      `b: Its sessions differ from those of "primary" in time_zone ('CET', there 'UTC'), sql_mode ('', there 'STRICT_TRANS_TABLES')`,
    ]);
  });
});
