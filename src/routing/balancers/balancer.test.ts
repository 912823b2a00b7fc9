import { describe, it, expect } from '@jest/globals';
import type { Balancer } from './balancer.js';
import { BALANCERS, createBalancer, type BalancerName } from './create-balancer.js';
import { preferByKey } from '../client-affinity.js';
import type { Candidate } from '../node-snapshot.js';

type Some = readonly [Candidate, ...Candidate[]];
const NAMES = Object.keys(BALANCERS) as BalancerName[];
const PICKS = 20_000;

/** Seeded (mulberry32), so that a measured share is the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function node(name: string, weight = 1, busy = 0): Candidate {
  return { name, weight, busy, snapshot: { name, role: 'replica', state: 'usable' } };
}

function nodes(count: number): Some {
  return Array.from({ length: count }, (_, index) => node(`replica-${index + 1}`)) as unknown as Some;
}

/** Share of the picks by name. */
function shares(pick: () => Candidate, picks = PICKS): Record<string, number> {
  const counted: Record<string, number> = {};
  for (let index = 0; index < picks; index++) {
    const { name } = pick();
    counted[name] = (counted[name] ?? 0) + 1 / picks;
  }
  return counted;
}

function create(name: BalancerName, seed: number): Balancer {
  return createBalancer(name, generator(seed), (error) => {
    throw error;
  });
}

describe.each(NAMES)('every balancer: %s', (name) => {
  const make = (seed = 1): Balancer => create(name, seed);

  it('picks the only candidate', () => {
    const only = node('a');
    expect(make().pick([only])).toBe(only);
  });

  it('picks one of the candidates, also when they change from pick to pick', () => {
    const balancer = make();
    const all = nodes(5);
    for (let size = 1; size <= 5; size++) {
      const some = all.slice(5 - size) as unknown as Some;
      for (let pick = 0; pick < 50; pick++) expect(some).toContain(balancer.pick(some));
    }
  });

  it('changes nothing in what it was given', () => {
    const balancer = make();
    const frozen = Object.freeze([Object.freeze(node('a')), Object.freeze(node('b'))]) as unknown as Some;
    expect(() => balancer.pick(frozen)).not.toThrow();
  });

  it.each([2, 3, 16])('gives each of %i equal idle candidates an equal share', (count) => {
    const balancer = make();
    const candidates = nodes(count);
    const measured = shares(() => balancer.pick(candidates));
    for (const { name: each } of candidates) expect((measured[each] ?? 0) * count).toBeCloseTo(1, 0.7);
  });

  it('gives idle candidates a share by weight', () => {
    const balancer = make();
    const candidates: Some = [node('a', 1), node('b', 2), node('c', 5)];
    const measured = shares(() => balancer.pick(candidates));
    expect(measured['a']).toBeCloseTo(1 / 8, 1.5);
    expect(measured['b']).toBeCloseTo(2 / 8, 1.5);
    expect(measured['c']).toBeCloseTo(5 / 8, 1.5);
  });

  it('works with weights that are fractions, and picks no candidate without weight beside others', () => {
    const balancer = make();
    const candidates: Some = [node('a', 0), node('b', 0.5), node('c', 0.25)];
    const measured = shares(() => balancer.pick(candidates));
    expect(measured['a']).toBeUndefined();
    expect(measured['b']).toBeCloseTo(2 / 3, 1.5);
  });

  it('picks one even if none has weight', () => {
    const candidates: Some = [node('a', 0), node('b', 0)];
    expect(candidates).toContain(make().pick(candidates));
  });

  it('makes the same picks with the same randomness', () => {
    const candidates = nodes(4);
    const run = (balancer: Balancer) => Array.from({ length: 100 }, () => balancer.pick(candidates).name);
    expect(run(make(7))).toEqual(run(make(7)));
  });
});

describe('least-busy', () => {
  it('never picks the busiest of all', () => {
    const balancer = create('least-busy', 2);
    const candidates: Some = [node('a', 1, 5), node('b', 1, 1), node('c', 1, 0)];
    const measured = shares(() => balancer.pick(candidates));
    expect(measured['a']).toBeUndefined();
    expect(measured['c']).toBeGreaterThan(measured['b'] ?? 0);
  });

  it('compares what is running with the weight', () => {
    const balancer = create('least-busy', 3);
    const candidates: Some = [node('small', 1, 2), node('big', 4, 6)];
    expect(shares(() => balancer.pick(candidates), 200)).toEqual({ big: expect.closeTo(1) });
  });

  it('keeps the busiest of many within a few queries of the least busy', () => {
    const balancer = create('least-busy', 4);
    const running = Array.from({ length: 16 }, (_, index) => ({ ...node(`r${index}`), busy: 0 }));
    for (let query = 0; query < 1_600; query++)
      balancer.pick(running as unknown as Some as readonly [{ busy: number } & Candidate]).busy++;
    const busy = running.map((each) => each.busy);
    expect(Math.max(...busy) - Math.min(...busy)).toBeLessThanOrEqual(6);
  });
});

describe('round-robin', () => {
  it('spreads the picks of a replica with more weight', () => {
    const balancer = create('round-robin', 1);
    const candidates: Some = [node('a', 5), node('b', 1), node('c', 1)];
    const picks = Array.from({ length: 7 }, () => balancer.pick(candidates).name).join('');
    expect(picks).toBe('aabacaa');
  });

  it('stays fair after many replicas have come and gone', () => {
    const balancer = create('round-robin', 1);
    for (let index = 0; index < 1_000; index++) balancer.pick([node(`old-${index}`), node('a'), node('b')]);
    const measured = shares(() => balancer.pick([node('a'), node('b')]), 100);
    expect(measured).toEqual({ a: expect.closeTo(0.5), b: expect.closeTo(0.5) });
  });
});

describe('a client with a key', () => {
  const keys = Array.from({ length: PICKS }, (_, index) => `Bearer ${index}`);
  const homes = (candidates: Some) => keys.map((key) => preferByKey(key, candidates).name);

  it('keeps its replica, in whatever order the candidates come', () => {
    const candidates = nodes(5);
    expect(homes(candidates.toReversed() as unknown as Some)).toEqual(homes(candidates));
  });

  it('moves only when its own replica leaves, and returns to it', () => {
    const all = nodes(5);
    const before = homes(all);
    const after = homes(all.slice(1) as unknown as Some);
    const moved = before.filter((home, index) => home !== after[index]);
    expect(new Set(moved)).toEqual(new Set(['replica-1']));
    expect(moved.length).toBe(before.filter((home) => home === 'replica-1').length);
  });

  it('gives every replica its share of clients', () => {
    let index = 0;
    const candidates: Some = [node('replica-1', 1), node('replica-2', 1), node('replica-3', 2)];
    const measured = shares(() => preferByKey(keys[index++] ?? '', candidates));
    expect(measured['replica-1']).toBeCloseTo(0.25, 1.5);
    expect(measured['replica-2']).toBeCloseTo(0.25, 1.5);
    expect(measured['replica-3']).toBeCloseTo(0.5, 1.5);
  });

  it('spreads the clients of a replica that leaves over all others', () => {
    const all = nodes(5);
    const before = homes(all);
    const after = homes(all.slice(1) as unknown as Some);
    const orphans = after.filter((_, at) => before[at] === 'replica-1');
    let at = 0;
    const measured = shares(() => node(orphans[at++] ?? ''), orphans.length);
    for (const name of ['replica-2', 'replica-3', 'replica-4', 'replica-5']) {
      expect(measured[name]).toBeCloseTo(0.25, 1);
    }
  });
});
