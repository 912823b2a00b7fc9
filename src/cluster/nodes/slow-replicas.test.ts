import { describe, expect, it } from '@jest/globals';
import { weighReplicas, type Timed } from './slow-replicas.js';

/** Replicas of weight 4 whose reads take so long. */
const replicas = (...typicalMs: number[]): Timed[] =>
  typicalMs.map((ms) => ({ reads: { typicalMs: ms, count: 50 }, settings: { weight: 4 }, weight: 4 }));

const weigh = (nodes: Timed[]): number[] => {
  weighReplicas(nodes);
  return nodes.map(({ weight }) => weight);
};

describe('the weight of a replica', () => {
  it.each([
    ['stays where all are alike', [5, 6, 7], [4, 4, 4]],
    ['is halved where its reads take well longer', [5, 80, 7], [4, 2, 4]],
    ['is halved for several', [5, 80, 90], [4, 2, 2]],
    ['stays where it is slower by little', [5, 24, 7], [4, 4, 4]],
    ['stays where nothing is to be compared', [80], [4]],
  ])('%s', (_what, typicalMs, weights) => {
    expect(weigh(replicas(...typicalMs))).toEqual(weights);
  });

  it('stays for reads that are too few to tell', () => {
    const nodes = replicas(5, 80);
    (nodes[1] as Timed).reads.count = 49;
    expect(weigh(nodes)).toEqual([4, 4]);
    (nodes[1] as Timed).reads.count = 50;
    expect(weigh(nodes)).toEqual([4, 2]);
  });

  it('returns when its reads are quick again, and not before', () => {
    const nodes = replicas(10, 80);
    expect(weigh(nodes)).toEqual([4, 2]);
    for (const [ms, weight] of [
      [30, 2],
      [20, 4],
    ] as const) {
      for (const { reads } of nodes) reads.count = 50;
      (nodes[1] as Timed).reads.typicalMs = ms;
      expect(weigh(nodes)).toEqual([4, weight]);
    }
  });
});
