import { describe, it, expect } from '@jest/globals';
import {
  ask,
  check,
  chooseFor,
  decide,
  NOW,
  primary,
  replica,
  said,
  USE_SLAVE,
  WRITE,
  type Input,
  type Row,
} from '../../test/support/decisions.js';
import { at } from '../../test/support/postgres-places.js';
import { decideAfterWait, decideWithPermit } from './decide-fallback.js';
import type { NodeState } from './node-snapshot.js';
import type { Plan } from './plan.js';
import type { RouteCandidate } from './route-input.js';
import type { FallbackReason } from './route.js';

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
      { failed: new Set(['a']), required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } },
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
  const pin = { required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' } } as const;
  const down = { primary: primary('unreachable') };
  const stale = { ...down, terms: { whenPrimaryDown: 'stale' } } as const;

  it('is a read-only session, and takes a permit', () => {
    expect(decide([lost])).toEqual({
      kind: 'primary',
      session: 'read-only',
      needsPermit: true,
      reason: 'no-usable-replica',
    });
  });

  it("is a writable one without a permit where nothing is guarded: onReplicaWrite 'off'", () => {
    expect(decide([lost], { terms: { onReplicaWrite: 'off' } })).toEqual({
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
    ['after-failover', [a], pin],
  ])('with primaryFallback: false a read is refused: %s', (reason, replicas, input) => {
    const terms = { allowsFallback: false };
    expect(said(decide(replicas, { ...input, terms }))).toBe(`503 no-replica-available: ${reason}`);
    const unguarded = { ...terms, onReplicaWrite: 'off' } as const;
    expect(said(decide(replicas, { ...input, terms: unguarded }))).toBe(
      `503 no-replica-available: ${reason}`,
    );
  });

  it.each<Row>([
    ['but not where there are no replicas', [], { terms: { allowsFallback: false } }, 'primary: no-replicas'],
    ['a replica serves whatever the primary is', [a], down, 'a: read-method'],
    ['and whatever the fall-back is', [a], { terms: { allowsFallback: false } }, 'a: read-method'],
    ['the primary is down: no fall-back', [lost], down, '503 primary-unavailable: no-usable-replica'],
    [
      'which is said first',
      [lost],
      { ...down, terms: { allowsFallback: false } },
      '503 primary-unavailable: no-usable-replica',
    ],
    ['no mode', [a], { ...down, mode: 'observe' }, '503 primary-unavailable: mode-observe'],
    ['no write', [a], { ...down, choice: WRITE }, '503 primary-unavailable: write-method'],
    ["'stale' is not for writes", [a], { ...stale, choice: WRITE }, '503 primary-unavailable: write-method'],
    ["'stale' serves what a pin holds back", [a], { ...stale, ...pin }, 'a: read-method'],
    [
      'on replicas that answer, whatever they have replayed',
      [lost, suspect, pooled],
      { ...stale, ...pin, terms: { ...stale.terms, floor: at(500n) } },
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
      { ...pin, terms: stale.terms, failed: new Set(['p']) },
      'a: read-method',
    ],
    [
      'and without the primary’s leave',
      [a],
      { ...stale, ...pin, terms: { ...stale.terms, allowsFallback: false } },
      'a: read-method',
    ],
    ['when none answers it is refused', [lost], stale, '503 primary-unavailable: no-usable-replica'],
    [
      "while the primary is up, 'stale' changes nothing",
      [a],
      { ...pin, terms: stale.terms },
      'primary: after-failover',
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
    const plan = chooseFor(asked);
    if (plan.kind !== 'wait') throw new Error(said(plan));
    return decideAfterWait({ plan, replayed }, asked, ask([a, b], later).cluster);
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
    expect(said(decideLater({}, [], { terms: { allowsFallback: false } }))).toBe(
      '503 no-replica-available: behind-token',
    );
  });

  it('or, with @UseSlave(), any of those that were waited for', () => {
    const plan = decideLater({ choice: USE_SLAVE }, []);
    expect(said(plan)).toBe('a,b: use-slave');
    expect(plan).toMatchObject({ mustProve: undefined, tokenFate: undefined });
  });
});
