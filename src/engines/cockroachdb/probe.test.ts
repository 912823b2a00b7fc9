import { describe, expect, it } from '@jest/globals';
import { createProbe } from './probe.js';

function create() {
  const told: string[] = [];
  const probe = createProbe({ onWeakness: (detail) => told.push(detail), onDefaults: () => undefined });
  return { probe, told };
}

describe('a probe of CockroachDB', () => {
  it('is told how old follower reads are, which the clocks of nodes add to', async () => {
    const answer = await create().probe.probe(() => Promise.resolve([{ age_ms: '4200.000000' }]));
    expect(answer).toEqual({ role: 'unknown', lagMs: 4_200, stalenessMs: 4_700 });
  });

  it.each([[[{ age_ms: '0' }]], [[{ age_ms: null }]], [[]]])('does not believe %j', async (rows) => {
    const answer = await create().probe.probe(() => Promise.resolve(rows));
    expect(answer).toEqual({ role: 'unknown', stalenessMs: Infinity });
  });

  it('goes without where it is not told, and says so', async () => {
    const { probe, told } = create();
    const asked: string[] = [];
    const answer = await probe.probeRole((sql) => {
      asked.push(sql);
      return Promise.resolve([]);
    });
    probe.onModest?.(new Error('unknown function'));
    expect([answer.stalenessMs, asked, told]).toEqual([
      Infinity,
      ['SELECT 1'],
      [expect.stringContaining('reads the primary while its token lives')],
    ]);
  });
});
