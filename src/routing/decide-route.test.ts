import { describe, it, expect } from '@jest/globals';
import {
  ask,
  check,
  decide,
  NOW,
  replica,
  said,
  primary,
  USE_SLAVE,
  WRITE,
  type Input,
  type Row,
} from '../../test/support/decisions.js';
import { at } from '../../test/support/postgres-places.js';
import { decideRoute } from './decide-route.js';
import type { NodeSnapshot, NodeState } from './node-snapshot.js';
import type { RouteCandidate } from './route-input.js';
import type { IntentReason } from './route.js';

describe('who may answer', () => {
  const a = replica('a');
  const hidden = replica('h', { completeAtMs: NOW }, 'per-connection');
  const knownAt = (completeAtMs: number) => replica(String(NOW - completeAtMs), { completeAtMs });
  const b = replica('b');
  const written = (writtenAtMs: number) => ({ writtenAtMs, writtenBy: 'client-wrote-recently' as const });
  const lagging = (name: string, lagMs: number) => replica(name, { state: 'lagging', lagMs });
  const suspect = (name: string, lagMs = 0) => replica(name, { state: 'suspect', lagMs });
  const old = (name: string, more: Partial<NodeSnapshot> = {}) =>
    replica(name, { seenAtMs: NOW - 3_001, ...more });
  const unseen = replica('n', { position: undefined });
  const token = (position: bigint) => ({ required: { position: at(position) } });

  it.each<[string, readonly RouteCandidate[], Partial<Input>, string]>([
    ['a read may use every usable replica', [a, b], {}, 'a,b: read-method'],
    [
      'a primary intent keeps its reason',
      [a],
      { choice: { intent: 'primary', reason: 'rule', ownWrites: true } },
      'primary writable: rule',
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
      { wereAsked: true },
      'primary: no-usable-replica',
    ],
    [
      'nor is one that was doubted for so long',
      [replica('a', { state: 'suspect', seenAtMs: NOW - 61_000 })],
      { wereAsked: true },
      'primary: no-usable-replica',
    ],
    [
      'before it is given up, one that was not heard of for so long is asked',
      [old('a', { seenAtMs: NOW - 61_000 }), replica('b', { state: 'unreachable' })],
      {},
      'ask a',
    ],
    [
      'so is one in doubt, of which nobody knows where it is by now',
      [replica('a', { state: 'suspect', position: undefined }), replica('b', { state: 'unreachable' })],
      { terms: { floor: at(1n) } },
      'ask a',
    ],
    [
      'and not while another one serves',
      [old('a', { seenAtMs: NOW - 61_000 }), replica('b')],
      {},
      'b: read-method',
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
      { required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
      'primary: after-failover',
    ],
    [
      'a write without position: those known to have all of its time, and of a second more for the clocks',
      [knownAt(NOW - 999), knownAt(NOW - 1_000), knownAt(NOW - 1_001)],
      { required: written(NOW - 2_000) },
      '999: read-method',
    ],
    [
      'however long ago it was',
      [knownAt(NOW - 60_000)],
      { required: written(NOW - 60_000) },
      'primary: client-wrote-recently',
    ],
    [
      'where lag is not known, those that have had pinMs',
      [a, hidden],
      { required: written(NOW - 3_000) },
      'a,h: read-method',
    ],
    [
      'and before that the primary',
      [a, hidden],
      { required: written(NOW - 2_999) },
      'primary: client-wrote-recently',
    ],
    [
      'for the reason of its token',
      [a],
      { required: { ...written(NOW), writtenBy: 'foreign-token' } },
      'primary: foreign-token',
    ],
    [
      'those that have it lack the floor',
      [knownAt(NOW)],
      { required: written(NOW - 2_000), terms: { floor: at(201n) } },
      'primary: behind-start',
    ],
    [
      'a position is demanded beside it',
      [knownAt(NOW), replica('b', { position: 300n, completeAtMs: NOW })],
      { required: { position: at(200n), ...written(NOW - 2_000) } },
      'b: read-method',
    ],
    [
      '@UseSlave() prefers such replicas',
      [a, knownAt(NOW)],
      { choice: USE_SLAVE, required: written(NOW - 2_000) },
      '0: use-slave',
    ],
    [
      'and reads others all the same',
      [a],
      { choice: USE_SLAVE, required: written(NOW - 2_000) },
      'a: use-slave',
    ],
    ['a pin ends', [a], { required: { pinnedUntilMs: NOW, pinnedBy: 'after-failover' } }, 'a: read-method'],
    [
      '@UseSlave() knows no pin',
      [a],
      { choice: USE_SLAVE, required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
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
      'the one that has replayed the most, where that is known',
      [a, replica('c', { position: 101n }), unseen],
      { previous: 'gone' },
      'c: read-method',
    ],
    ['or any of those', [a, b], { previous: 'gone' }, 'a,b: read-method'],
    [
      'while its own one serves it stays there, whatever others have replayed',
      [a, replica('c', { position: 101n })],
      { previous: 'a' },
      'a: read-method',
    ],

    [
      'no replica is read before it has the floor',
      [a],
      { terms: { floor: at(101n) } },
      'primary: behind-start',
    ],
    ['nor when its position is unknown', [unseen], { terms: { floor: at(1n) } }, 'primary: behind-start'],
    ['with the floor it is read', [a, unseen], { terms: { floor: at(100n) } }, 'a: read-method'],
    [
      '@UseSlave() respects the floor as well',
      [a],
      { choice: USE_SLAVE, terms: { floor: at(101n) } },
      'primary: behind-start',
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

  it('a read that need not see its client’s write is stale while its replica is not known to have it', () => {
    const late = replica('l', { position: 99n, completeAtMs: NOW - 9_000 });
    const staleOf = (input: Partial<Input>) => {
      const plan = decide([late], input);
      return plan.kind === 'replica' ? [plan.stale, plan.tokenFate] : plan.kind;
    };
    expect(staleOf({ choice: USE_SLAVE, previous: 'l', ...token(100n) })).toEqual(['use-slave', undefined]);
    expect(staleOf({ choice: USE_SLAVE, previous: 'l', ...token(99n) })).toEqual([undefined, 'satisfied']);
    expect(staleOf({ choice: USE_SLAVE, required: written(NOW - 5_000) })).toEqual(['use-slave', undefined]);
    expect(staleOf({ choice: USE_SLAVE, required: written(NOW - 20_000) })).toEqual([undefined, undefined]);
    expect(staleOf({ choice: USE_SLAVE })).toEqual([undefined, undefined]);
  });

  it('copies nothing when every replica may serve', () => {
    const replicas = [a, b];
    const plan = decide(replicas, token(100n));
    expect(plan.kind === 'replica' && plan.candidates).toBe(replicas);
  });
});

describe('the intent and the mode', () => {
  const a = replica('a');

  it.each<IntentReason>([
    'in-transaction',
    'explicit',
    'wrote-earlier',
    'promoted',
    'changes-database',
    'rule',
    'write-method',
    'write-operation',
    'outside-unit',
  ])('%s can ask for the primary, and for a writable session', (reason) => {
    const choice = { intent: 'primary', reason, ownWrites: true } as const;
    for (const mode of ['route', 'observe', 'primary-only', 'outside-share'] as const)
      expect(said(decide([a], { choice, mode }))).toBe(`primary writable: ${reason}`);
  });

  it.each<IntentReason>(['explicit', 'use-slave', 'rule', 'read-method', 'read-operation'])(
    '%s can ask for a replica',
    (reason) => {
      const choice = { intent: 'replica', reason, ownWrites: true } as const;
      expect(said(decide([a], { choice }))).toBe(`a: ${reason}`);
    },
  );

  it.each<Row>([
    ['observe sends reads to the primary', [a], { mode: 'observe' }, 'primary writable: mode-observe'],
    ['so does primary-only', [a], { mode: 'primary-only' }, 'primary writable: mode-primary-only'],
    ['and being outside of the share', [a], { mode: 'outside-share' }, 'primary writable: outside-share'],
    [
      'also by @UseSlave()',
      [a],
      { mode: 'outside-share', choice: USE_SLAVE },
      'primary writable: outside-share',
    ],
    [
      'such a read fails with the primary, as before there were replicas',
      [a],
      { mode: 'outside-share', primary: primary('unreachable'), terms: { whenPrimaryDown: 'stale' } },
      '503 primary-unavailable: outside-share',
    ],
    [
      'a mode is stronger than a failure of the replicas',
      [a],
      { mode: 'observe', fallback: 'behind-schema' },
      'primary writable: mode-observe',
    ],
    [
      'and holds without a fall-back',
      [a],
      { mode: 'observe', terms: { allowsFallback: false } },
      'primary writable: mode-observe',
    ],
    [
      'what asks for the primary is not held to failures',
      [a],
      { choice: WRITE, failed: new Set(['p']) },
      'primary writable: write-method',
    ],
    [
      'nor does it need a fall-back',
      [],
      { choice: WRITE, terms: { allowsFallback: false } },
      'primary writable: write-method',
    ],
  ])('%s', check);

  it.each<[string, Partial<Input>, string]>([
    ['a read asks for the tokens', {}, 'choose by tokens'],
    ['one of @UseSlave() prefers a replica that has them', { choice: USE_SLAVE }, 'choose by tokens'],
    ["the level 'primary' asks whether there are any", { level: 'primary' }, 'choose by tokens'],
    ["the level 'eventual' asks for none", { level: 'eventual' }, 'choose'],
    ['nor does the primary intent', { choice: WRITE }, 'primary writable: write-method'],
    ['nor a mode', { mode: 'primary-only' }, 'primary writable: mode-primary-only'],
    ['nor a failure that all replicas share', { fallback: 'behind-schema' }, 'primary: behind-schema'],
  ])('tokens are read when they matter: %s', (_rule, input, says) => {
    const asked = ask([a], input);
    expect(said(decideRoute(asked, asked.cluster))).toBe(says);
  });
});

describe('the level of consistency', () => {
  const a = replica('a');
  const behind = replica('b', { position: 99n });
  const position = { required: { position: at(100n) } };
  const pin = { required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } } as const;

  it.each<Row>([
    [
      "'primary': a live token means the primary",
      [a],
      { level: 'primary', ...position },
      'primary: level-primary',
    ],
    ['also one of time', [a], { level: 'primary', ...pin }, 'primary: level-primary'],
    ['without a token it reads a replica', [a], { level: 'primary' }, 'a: read-method'],
    [
      '@UseSlave() keeps its replica, and looks at no position',
      [a, behind],
      { level: 'primary', choice: USE_SLAVE, ...position },
      'a,b: use-slave',
    ],
    ['without replicas that is the reason', [], { level: 'primary', ...position }, 'primary: no-replicas'],
    ["'eventual': no token counts", [a, behind], { level: 'eventual', ...position }, 'a,b: read-method'],
    ['nor one of time', [a], { level: 'eventual', ...pin }, 'a: read-method'],
  ])('%s', check);
});

describe('addresses that hide servers', () => {
  const direct = replica('d');
  const late = replica('l', { position: 99n });
  const gone = replica('g', { state: 'unreachable' });
  const hidden = replica('h', { position: undefined }, 'per-connection');
  const hiddenGone = replica('i', { state: 'unreachable' }, 'per-connection');
  const pooled = replica('q', { position: 200n }, 'per-transaction');
  const token = { required: { position: at(100n) } };

  it.each<Row>([
    ['without a token they serve like others', [direct, hidden, pooled], {}, 'd,h,q: read-method'],
    [
      'with one, an address of one server that has it serves',
      [direct, hidden, pooled],
      token,
      'd: read-method',
    ],
    ['else a connection that can prove it', [late, hidden, pooled], token, 'h: read-method'],
    [
      'whatever the monitor knows of its position',
      [replica('h', { position: 1n }, 'per-connection')],
      token,
      'h: read-method',
    ],
    [
      'a unit keeps a replica of which each connection proves it',
      [late, hidden],
      { ...token, previous: 'h' },
      'h: read-method',
    ],
    [
      'one that is out of order keeps nobody from waiting',
      [late, hiddenGone],
      token,
      'behind primary l: behind-token',
    ],
    ['nor does a pooler', [late, pooled], token, 'behind primary l: behind-token'],
    ['a pooler proves nothing', [pooled], token, 'primary: behind-token'],
    [
      'not even that a pin is over',
      [pooled],
      { required: { position: at(1n), pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
      'primary: behind-token',
    ],
    [
      'a pin holds for connections that can prove a position',
      [hidden],
      { required: { position: at(1n), pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
      'primary: after-failover',
    ],
    [
      'as for the others',
      [direct, pooled],
      { required: { position: at(1n), pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
      'primary: after-failover',
    ],
    ['none serves', [gone, hiddenGone], token, 'primary: no-usable-replica'],
    ['none is left that can be reached', [hiddenGone], token, 'primary: no-usable-replica'],
    [
      'the floor holds behind them as well',
      [hidden],
      { ...token, terms: { floor: at(1n) } },
      'primary: behind-start',
    ],
    ['@UseSlave() demands no proof', [late, pooled], { choice: USE_SLAVE, ...token }, 'q: use-slave'],
  ])('%s', check);

  it('what a connection must prove is in the plan, and so is what became of the token', () => {
    const proof = { mustProve: at(100n), tokenFate: 'satisfied' };
    expect(decide([hidden], token)).toMatchObject(proof);
    expect(decide([direct], token)).toMatchObject(proof); // its address may turn out to hide servers
    expect(decide([direct], { choice: USE_SLAVE, ...token })).toMatchObject({
      ...proof,
      mustProve: undefined,
    });
    expect(decide([direct])).toMatchObject({ mustProve: undefined, tokenFate: undefined });
  });
});
