import { describe, it, expect } from '@jest/globals';
import { decideRoute, type Decision, type RouteInput } from './decide-route.js';
import { at } from '../../test/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import type { KnownCandidate as Candidate, KnownSnapshot, NodeSnapshot, NodeState } from './node-snapshot.js';

const NOW = 1_000_000;
const READ = { intent: 'replica', reason: 'read-method', ownWrites: true } as const;
const USE_SLAVE = { intent: 'replica', reason: 'use-slave', ownWrites: false } as const;
const POLICY = { snapshotMaxAgeMs: 3_000, staleAfterMs: 61_000, positions } as const;

function replica(name: string, seen: Partial<NodeSnapshot> = {}): Candidate {
  const snapshot = {
    name,
    role: 'replica',
    state: 'usable',
    lagMs: 0,
    position: 100n,
    seenAtMs: NOW - 500,
    ...seen,
  } as NodeSnapshot;
  const place = { position: at(snapshot.position), history: undefined };
  const known: KnownSnapshot = Object.freeze({ ...snapshot, place });
  return { name, weight: 1, busy: 0, snapshot: known };
}

function decide(
  replicas: readonly Candidate[],
  input: Partial<RouteInput<Candidate>> = {},
): Decision<Candidate> {
  return decideRoute({ choice: READ, required: {}, policy: POLICY, nowMs: NOW, replicas, ...input });
}

/** `a,b` for replicas, or `primary`, with the reason. */
function said(decision: Decision<Candidate>): string {
  const who = 'candidates' in decision ? decision.candidates.map(({ name }) => name).join() : decision.role;
  return `${decision.role === 'behind' ? `behind ${decision.otherwise} ` : ''}${who}: ${decision.reason}`;
}

describe('who may answer', () => {
  const a = replica('a');
  const b = replica('b');
  const lagging = (name: string, lagMs: number) => replica(name, { state: 'lagging', lagMs });
  const suspect = (name: string, lagMs = 0) => replica(name, { state: 'suspect', lagMs });
  const old = (name: string, more: Partial<NodeSnapshot> = {}) =>
    replica(name, { seenAtMs: NOW - 3_001, ...more });
  const unseen = replica('n', { position: undefined });
  const token = (position: bigint) => ({ required: { position: at(position) } });

  it.each<[string, readonly Candidate[], Partial<RouteInput<Candidate>>, string]>([
    ['a read may use every usable replica', [a, b], {}, 'a,b: read-method'],
    [
      'a primary intent keeps its reason',
      [a],
      { choice: { intent: 'primary', reason: 'rule', ownWrites: true } },
      'primary: rule',
    ],
    ['without replicas the primary serves', [], {}, 'primary: no-replicas'],

    [
      'a snapshot may be as old as three intervals',
      [replica('a', { seenAtMs: NOW - 3_000 }), old('b')],
      {},
      'a: read-method',
    ],
    ['unknown ones serve when there is nothing better', [old('a'), old('b')], {}, 'a,b: read-method'],
    [
      'but not one that may be behind by more than any may be',
      [old('a', { seenAtMs: NOW - 50_000, lagMs: 11_000 })],
      {},
      'primary: no-usable-replica',
    ],
    [
      'nor is one that was doubted for so long',
      [replica('a', { state: 'suspect', seenAtMs: NOW - 61_000 })],
      {},
      'primary: no-usable-replica',
    ],
    [
      'a known lagging one is better than an unknown one',
      [old('a'), lagging('b', 12_000)],
      {},
      'b: read-method',
    ],
    ['among unknown ones, the usable', [old('a', { state: 'suspect' }), old('b')], {}, 'b: read-method'],
    [
      'a usable replica is better than lagging and suspect ones',
      [lagging('l', 11_000), suspect('s'), b],
      {},
      'b: read-method',
    ],
    [
      'lag alone never empties the set: the least lagging serves',
      [lagging('a', 30_000), lagging('b', 12_000)],
      {},
      'b: read-method',
    ],
    [
      'those about as little behind share the work, the least first',
      [lagging('a', 12_400), lagging('b', 12_000), lagging('c', 14_000)],
      {},
      'b,a: read-method',
    ],
    [
      'a suspect one with fresh data is better than a lagging one',
      [lagging('a', 12_000), suspect('s', 5)],
      {},
      's: read-method',
    ],
    [
      'an unknown lag is the worst',
      [replica('a', { state: 'suspect', lagMs: undefined }), lagging('b', 50_000)],
      {},
      'b: read-method',
    ],

    [
      'no usable replica: the primary',
      [replica('a', { state: 'unreachable' })],
      {},
      'primary: no-usable-replica',
    ],

    [
      'a replica that has the position serves',
      [replica('a', { position: 99n }), b],
      token(100n),
      'b: read-method',
    ],
    ['none has it: ask, wait, then the primary', [a, b], token(101n), 'behind primary a,b: behind-token'],
    ['an unknown position is not known to be enough', [unseen], token(1n), 'behind primary n: behind-token'],
    [
      'only replicas worth waiting for are asked',
      [a, lagging('l', 11_000)],
      token(101n),
      'behind primary a: behind-token',
    ],
    ['a lagging replica that has the position serves', [lagging('a', 11_000)], token(100n), 'a: read-method'],
    [
      '@UseSlave() prefers one that has the position',
      [replica('a', { position: 99n }), b],
      { choice: USE_SLAVE, ...token(100n) },
      'b: use-slave',
    ],
    [
      '@UseSlave() waits, then reads a replica all the same',
      [a, b],
      { choice: USE_SLAVE, ...token(101n) },
      'behind replica a,b: behind-token',
    ],
    [
      '@UseSlave() goes to the primary when no replica can serve',
      [replica('a', { state: 'stale' })],
      { choice: USE_SLAVE, ...token(1n) },
      'primary: no-usable-replica',
    ],

    [
      'a pinned client reads the primary',
      [a],
      { required: { pinnedUntilMs: NOW + 1 } },
      'primary: client-wrote-recently',
    ],
    ['a pin ends', [a], { required: { pinnedUntilMs: NOW } }, 'a: read-method'],
    [
      '@UseSlave() knows no pin',
      [a],
      { choice: USE_SLAVE, required: { pinnedUntilMs: NOW + 1 } },
      'a: use-slave',
    ],

    ['a unit keeps its replica', [a, b], { previous: 'b' }, 'b: read-method'],
    [
      'a unit keeps its replica though it lags by now',
      [a, lagging('l', 11_000)],
      { previous: 'l' },
      'l: read-method',
    ],
    [
      'a unit leaves a suspect replica for a usable one',
      [a, suspect('s')],
      { previous: 's' },
      'a: read-method',
    ],
    [
      'a unit keeps a suspect replica among suspect ones',
      [suspect('r'), suspect('s')],
      { previous: 's' },
      's: read-method',
    ],
    [
      'a unit leaves a replica that has failed',
      [a, replica('b', { state: 'unreachable' })],
      { previous: 'b' },
      'a: read-method',
    ],
    [
      'a unit leaves a replica that is behind its token',
      [a, replica('b', { position: 99n })],
      { previous: 'b', ...token(100n) },
      'a: read-method',
    ],
    [
      '@UseSlave() waits once per unit',
      [a, b],
      { choice: USE_SLAVE, previous: 'b', ...token(101n) },
      'b: use-slave',
    ],
    ['a unit whose replica was removed gets another', [a], { previous: 'gone' }, 'a: read-method'],

    [
      'no replica is read before it has the floor',
      [a],
      { policy: { ...POLICY, floor: at(101n) } },
      'primary: no-usable-replica',
    ],
    [
      'nor when its position is unknown',
      [unseen],
      { policy: { ...POLICY, floor: at(1n) } },
      'primary: no-usable-replica',
    ],
    ['with the floor it is read', [a, unseen], { policy: { ...POLICY, floor: at(100n) } }, 'a: read-method'],
    [
      '@UseSlave() respects the floor as well',
      [a],
      { choice: USE_SLAVE, policy: { ...POLICY, floor: at(101n) } },
      'primary: no-usable-replica',
    ],
  ])('%s', (_rule, replicas, input, expected) => {
    expect(said(decide(replicas, input))).toBe(expected);
  });

  it.each<[NodeState, boolean]>([
    ['connecting', false],
    ['usable', true],
    ['lagging', true],
    ['stale', false],
    ['suspect', true],
    ['unreachable', false],
    ['misconfigured', false],
    ['is-primary', false],
    ['is-replica', false],
    ['draining', false],
  ])('a replica that is %s may serve: %s', (state, serves) => {
    const expected = serves ? 'a: read-method' : 'primary: no-usable-replica';
    expect(said(decide([replica('a', { state })]))).toBe(expected);
    expect(said(decide([replica('a', { state })], { previous: 'a' }))).toBe(expected);
  });

  it('copies nothing when every replica may serve', () => {
    const replicas = [a, b];
    const decision = decide(replicas, token(100n));
    expect('candidates' in decision && decision.candidates).toBe(replicas);
  });
});
