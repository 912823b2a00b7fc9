import { describe, expect, it } from '@jest/globals';
import type { Balancer } from './balancer.js';
import type { Candidate } from '../node-snapshot.js';
import { OwnBalancer } from './own-balancer.js';

const node = (name: string, weight = 1): Candidate => ({ name, weight, busy: 0 }) as Candidate;
const [A, B] = [node('a'), node('b', 3)];

/** A balancer whose `pick` is `pick`, and what was reported of it. */
function own(pick: (candidates: Candidate[]) => unknown): { balancer: Balancer; problems: unknown[] } {
  const problems: unknown[] = [];
  const balancer = new OwnBalancer(
    { pick } as never,
    () => 0.5,
    (error) => problems.push(error),
  );
  return { balancer, problems };
}

describe('a balancer of the application', () => {
  it('picks', () => {
    const { balancer, problems } = own((candidates) => candidates.at(-1));
    expect([balancer.pick([A, B]), balancer.pick([B, A]), problems]).toEqual([B, A, []]);
  });

  it('may empty what it gets', () => {
    const { balancer } = own((candidates) => candidates.splice(0).at(-1));
    const candidates = [A, B] as const;
    expect(balancer.pick(candidates)).toBe(B);
    expect(candidates).toEqual([A, B]);
  });

  const throws = (): never => {
    throw new Error('no idea');
  };
  it.each<[string, (candidates: Candidate[]) => unknown, string]>([
    ['throws', throws, 'no idea'],
    ['answers nothing', () => undefined, 'pick() has answered undefined, not one of its candidates.'],
    ['answers null', () => null, 'pick() has answered null, not one of its candidates.'],
    ['answers a copy', ([first]) => ({ ...first }), 'pick() has answered object, not one of its candidates.'],
    ['answers a name', ([first]) => first?.name, 'pick() has answered string, not one of its candidates.'],
    ['answers later', async ([first]) => first, 'pick() has answered a promise, not one of its candidates.'],
    ['rejects', async () => throws(), 'pick() has answered a promise, not one of its candidates.'],
  ])('that %s leaves the choice to chance, by weight', async (_what, pick, problem) => {
    const { balancer, problems } = own(pick);
    expect(balancer.pick([A, B])).toBe(B);
    expect(problems).toEqual([expect.objectContaining({ message: problem })]);
    await new Promise(setImmediate); // an unhandled rejection would end the process
  });
});
