import { describe, it, expect } from '@jest/globals';
import { decideWithPermit } from './decide-fallback.js';
import { decideAfterWait, decideReplica, decideRoute } from './decide-route.js';
import { at } from '../../test/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import type { KnownSnapshot, NodeSnapshot, NodeState } from './node-snapshot.js';
import type { Plan } from './plan.js';
import type { RouteCandidate, RoutePolicy, RouteQuery, RouteView } from './route-input.js';
import type { FallbackReason, IntentReason } from './route.js';

const NOW = 1_000_000;
const READ = { intent: 'replica', reason: 'read-method', ownWrites: true } as const;
const USE_SLAVE = { intent: 'replica', reason: 'use-slave', ownWrites: false } as const;
const WRITE = { intent: 'primary', reason: 'write-method', ownWrites: true } as const;
const POLICY: RoutePolicy = {
  snapshotMaxAgeMs: 3_000,
  staleAfterMs: 61_000,
  allowsFallback: true,
  onReplicaWrite: 'reject',
  whenPrimaryDown: '503',
  positions,
};

type Input = Omit<RouteQuery & RouteView<RouteCandidate>, 'policy'> & { policy: Partial<RoutePolicy> };

function replica(
  name: string,
  seen: Partial<NodeSnapshot> = {},
  kind: RouteCandidate['endpoint']['kind'] = 'server',
): RouteCandidate {
  return { name, weight: 1, busy: 0, endpoint: { kind }, snapshot: snapshot(name, seen) };
}

function snapshot(name: string, seen: Partial<NodeSnapshot>): KnownSnapshot {
  const known: NodeSnapshot = {
    name,
    role: 'replica',
    state: 'usable',
    lagMs: 0,
    position: 100n,
    seenAtMs: NOW - 500,
    ...seen,
  };
  return Object.freeze({ ...known, place: { position: at(known.position), history: undefined } });
}

function primary(state: NodeState = 'usable'): RouteView<RouteCandidate>['primary'] {
  return { name: 'p', snapshot: snapshot('p', { role: 'primary', state }) };
}

/** A question and what is known, in one. */
function ask(replicas: readonly RouteCandidate[], { policy, ...input }: Partial<Input> = {}) {
  return {
    choice: READ,
    mode: 'route',
    level: 'session',
    fallback: undefined,
    failed: undefined,
    required: {},
    previous: undefined,
    primary: primary(),
    replicas,
    nowMs: NOW,
    ...input,
    policy: { ...POLICY, ...policy },
  } as const;
}

function decide(replicas: readonly RouteCandidate[], input?: Partial<Input>): Plan<RouteCandidate> {
  const asked = ask(replicas, input);
  const plan = decideRoute(asked, asked);
  return plan.kind === 'choose' ? decideReplica(asked, asked) : plan;
}

/** Who is asked and why: `a,b: read-method`, `primary read-only: no-replicas`, `behind primary a: behind-token`, `503 ...`. */
function said(plan: Plan<RouteCandidate>): string {
  switch (plan.kind) {
    case 'replica':
      return `${names(plan.candidates)}: ${plan.reason}`;
    case 'choose':
      return plan.needsTokens ? 'choose by tokens' : 'choose';
    case 'wait':
      return `behind ${plan.otherwise} ${names(plan.candidates)}: ${plan.reason}`;
    case 'primary':
      return `primary${plan.session === 'writable' ? ' writable' : ''}: ${plan.reason}`;
    case 'refuse':
      return `503 ${plan.error}: ${plan.reason}`;
    default:
      return plan satisfies never;
  }
}

function names(candidates: readonly RouteCandidate[]): string {
  return candidates.map(({ name }) => name).join();
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
      { policy: { floor: at(101n) } },
      'primary: no-usable-replica',
    ],
    [
      'nor when its position is unknown',
      [unseen],
      { policy: { floor: at(1n) } },
      'primary: no-usable-replica',
    ],
    ['with the floor it is read', [a, unseen], { policy: { floor: at(100n) } }, 'a: read-method'],
    [
      '@UseSlave() respects the floor as well',
      [a],
      { choice: USE_SLAVE, policy: { floor: at(101n) } },
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
    const plan = decide(replicas, token(100n));
    expect(plan.kind === 'replica' && plan.candidates).toBe(replicas);
  });
});

const DOWN: readonly NodeState[] = ['unreachable', 'is-replica'];
const STATES: readonly NodeState[] = [
  'connecting',
  'usable',
  'lagging',
  'stale',
  'suspect',
  'misconfigured',
  'is-primary',
  'draining',
  ...DOWN,
];

type Row = readonly [rule: string, replicas: readonly RouteCandidate[], input: Partial<Input>, says: string];
const check = (_rule: string, replicas: readonly RouteCandidate[], input: Partial<Input>, says: string) =>
  expect(said(decide(replicas, input))).toBe(says);

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
    for (const mode of ['route', 'observe', 'primary-only'] as const)
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
    [
      'a mode is stronger than a failure of the replicas',
      [a],
      { mode: 'observe', fallback: 'behind-schema' },
      'primary writable: mode-observe',
    ],
    [
      'and holds without a fall-back',
      [a],
      { mode: 'observe', policy: { allowsFallback: false } },
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
      { choice: WRITE, policy: { allowsFallback: false } },
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
    expect(said(decideRoute(asked, asked))).toBe(says);
  });
});

describe('the level of consistency', () => {
  const a = replica('a');
  const behind = replica('b', { position: 99n });
  const position = { required: { position: at(100n) } };
  const pin = { required: { pinnedUntilMs: NOW + 1 } };

  it.each<Row>([
    [
      "'primary': a live token means the primary",
      [a],
      { level: 'primary', ...position },
      'primary: client-wrote-recently',
    ],
    ['also one of time', [a], { level: 'primary', ...pin }, 'primary: client-wrote-recently'],
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
      { required: { position: at(1n), pinnedUntilMs: NOW + 1 } },
      'primary: behind-token',
    ],
    [
      'a pin holds for connections that can prove a position',
      [hidden],
      { required: { position: at(1n), pinnedUntilMs: NOW + 1 } },
      'primary: client-wrote-recently',
    ],
    [
      'as for the others',
      [direct, pooled],
      { required: { position: at(1n), pinnedUntilMs: NOW + 1 } },
      'primary: client-wrote-recently',
    ],
    ['none serves', [gone, hiddenGone], token, 'primary: no-usable-replica'],
    ['none is left that can be reached', [hiddenGone], token, 'primary: no-usable-replica'],
    [
      'the floor holds behind them as well',
      [hidden],
      { ...token, policy: { floor: at(1n) } },
      'primary: no-usable-replica',
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

describe('nodes that have failed the query', () => {
  const a = replica('a');
  const b = replica('b');

  it.each<Row>([
    ['are not asked again', [a, b], { failed: new Set(['a']) }, 'b: read-method'],
    [
      'not even by a unit that has used one before',
      [a, b],
      { failed: new Set(['a']), previous: 'a' },
      'b: read-method',
    ],
    [
      'when all have, the primary reads',
      [a, b],
      { failed: new Set(['a', 'b']) },
      'primary: no-usable-replica',
    ],
    [
      'which is the reason, even with a pin',
      [a],
      { failed: new Set(['a']), required: { pinnedUntilMs: NOW + 1 } },
      'primary: no-usable-replica',
    ],
    [
      'and when the last one was removed meanwhile',
      [],
      { failed: new Set(['a']) },
      'primary: no-usable-replica',
    ],
    [
      'the primary, too, is not asked again',
      [a],
      { failed: new Set(['a', 'p']) },
      '503 primary-unavailable: no-usable-replica',
    ],
    [
      'a replica that is behind a schema: the primary, whatever the others',
      [a, b],
      { fallback: 'behind-schema' },
      'primary: behind-schema',
    ],
    [
      'a connection that could not prove a position: the primary',
      [a, b],
      { fallback: 'behind-token' },
      'primary: behind-token',
    ],
  ])('%s', check);
});

describe('the fall-back to the primary', () => {
  const a = replica('a');
  const lost = replica('a', { state: 'unreachable' });
  const suspect = replica('s', { state: 'suspect', position: 1n });
  const pooled = replica('q', {}, 'per-transaction');
  const pin = { required: { pinnedUntilMs: NOW + 1 } };
  const down = { primary: primary('unreachable') };
  const stale = { ...down, policy: { whenPrimaryDown: 'stale' } } as const;

  it('is a read-only session, and takes a permit', () => {
    expect(decide([lost])).toEqual({
      kind: 'primary',
      session: 'read-only',
      needsPermit: true,
      reason: 'no-usable-replica',
    });
  });

  it("is a writable one without a permit where nothing is guarded: onReplicaWrite 'off'", () => {
    expect(decide([lost], { policy: { onReplicaWrite: 'off' } })).toEqual({
      kind: 'primary',
      session: 'writable',
      needsPermit: false,
      reason: 'no-usable-replica',
    });
  });

  it('what asks for the primary takes no permit', () => {
    expect(decide([a], { choice: WRITE })).toMatchObject({ session: 'writable', needsPermit: false });
    expect(decide([a], { mode: 'observe' })).toMatchObject({ session: 'writable', needsPermit: false });
  });

  it.each<[FallbackReason, readonly RouteCandidate[], Partial<Input>]>([
    ['no-usable-replica', [lost], {}],
    ['behind-schema', [a], { fallback: 'behind-schema' }],
    ['behind-token', [pooled], { required: { position: at(1n) } }],
    ['client-wrote-recently', [a], pin],
  ])('with primaryFallback: false a read is refused: %s', (reason, replicas, input) => {
    const policy = { allowsFallback: false };
    expect(said(decide(replicas, { ...input, policy }))).toBe(`503 no-replica-available: ${reason}`);
    const unguarded = { ...policy, onReplicaWrite: 'off' } as const;
    expect(said(decide(replicas, { ...input, policy: unguarded }))).toBe(
      `503 no-replica-available: ${reason}`,
    );
  });

  it.each<Row>([
    [
      'but not where there are no replicas',
      [],
      { policy: { allowsFallback: false } },
      'primary: no-replicas',
    ],
    ['a replica serves whatever the primary is', [a], down, 'a: read-method'],
    ['and whatever the fall-back is', [a], { policy: { allowsFallback: false } }, 'a: read-method'],
    ['the primary is down: no fall-back', [lost], down, '503 primary-unavailable: no-usable-replica'],
    [
      'which is said first',
      [lost],
      { ...down, policy: { allowsFallback: false } },
      '503 primary-unavailable: no-usable-replica',
    ],
    ['no mode', [a], { ...down, mode: 'observe' }, '503 primary-unavailable: mode-observe'],
    ['no write', [a], { ...down, choice: WRITE }, '503 primary-unavailable: write-method'],
    ["'stale' is not for writes", [a], { ...stale, choice: WRITE }, '503 primary-unavailable: write-method'],
    ["'stale' serves what a pin holds back", [a], { ...stale, ...pin }, 'a: read-method'],
    [
      'on replicas that answer, whatever they have replayed',
      [lost, suspect, pooled],
      { ...stale, ...pin, policy: { ...stale.policy, floor: at(500n) } },
      's,q: read-method',
    ],
    [
      'not on one that has failed the query',
      [a, suspect],
      { ...stale, ...pin, failed: new Set(['a']) },
      's: read-method',
    ],
    [
      'as when the primary has failed the query',
      [a],
      { ...pin, policy: stale.policy, failed: new Set(['p']) },
      'a: read-method',
    ],
    [
      'and without the primary’s leave',
      [a],
      { ...stale, ...pin, policy: { ...stale.policy, allowsFallback: false } },
      'a: read-method',
    ],
    ['when none answers it is refused', [lost], stale, '503 primary-unavailable: no-usable-replica'],
    [
      "while the primary is up, 'stale' changes nothing",
      [a],
      { ...pin, policy: stale.policy },
      'primary: client-wrote-recently',
    ],
  ])('%s', check);

  it("with 'stale' nothing is proven, and no token is satisfied", () => {
    const plan = decide([pooled], { ...stale, required: { position: at(1n) } });
    expect(plan).toMatchObject({ kind: 'replica', mustProve: undefined, tokenFate: undefined });
  });

  it.each(STATES)('a primary that is %s', (state) => {
    const isDown = DOWN.includes(state);
    const input = { primary: primary(state) };
    expect(said(decide([], input))).toBe(
      isDown ? '503 primary-unavailable: no-replicas' : 'primary: no-replicas',
    );
    expect(said(decide([], { ...input, choice: WRITE }))).toBe(
      isDown ? '503 primary-unavailable: write-method' : 'primary writable: write-method',
    );
  });

  it('a permit that was waited for is of no use when the primary has gone meanwhile', () => {
    const plan = decide([lost]);
    if (plan.kind !== 'primary') throw new Error(said(plan));
    expect(decideWithPermit(plan, primary())).toBe(plan);
    expect(said(decideWithPermit(plan, primary('is-replica')))).toBe(
      '503 primary-unavailable: no-usable-replica',
    );
  });
});

describe('after a wait for a position', () => {
  const a = replica('a');
  const b = replica('b');
  const token = { required: { position: at(101n) } };

  /** `replayed`: those that have the position by then. */
  function decideLater(
    before: Partial<Input>,
    replayed: readonly RouteCandidate[],
    later: Partial<Input> = {},
  ): Plan<RouteCandidate> {
    const asked = ask([a, b], { ...token, ...before });
    const plan = decideReplica(asked, asked);
    if (plan.kind !== 'wait') throw new Error(said(plan));
    return decideAfterWait({ plan, replayed }, asked, ask([a, b], later));
  }

  it('those serve that have replayed it', () => {
    const plan = decideLater({}, [b]);
    expect(said(plan)).toBe('b: read-method');
    expect(plan).toMatchObject({ mustProve: at(101n), tokenFate: 'satisfied-after-wait' });
    expect(decideLater({ choice: USE_SLAVE }, [b])).toMatchObject({ mustProve: undefined });
  });

  it('else the primary, by its state and its options at that time', () => {
    expect(said(decideLater({}, []))).toBe('primary: behind-token');
    expect(said(decideLater({}, [], { primary: primary('unreachable') }))).toBe(
      '503 primary-unavailable: behind-token',
    );
    expect(said(decideLater({}, [], { policy: { allowsFallback: false } }))).toBe(
      '503 no-replica-available: behind-token',
    );
  });

  it('or, with @UseSlave(), any of those that were waited for', () => {
    const plan = decideLater({ choice: USE_SLAVE }, []);
    expect(said(plan)).toBe('a,b: use-slave');
    expect(plan).toMatchObject({ mustProve: undefined, tokenFate: undefined });
  });
});
