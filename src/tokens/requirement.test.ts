import { describe, expect, it } from '@jest/globals';
import { at, tokenAt, type TokenNumbers } from '../../test/support/postgres-places.js';
import { historyOf, positions } from '../engines/postgres/positions.js';
import type { OpenedToken } from './envelope.js';
import type { Requirement } from '../routing/route-input.js';
import type { TokenReason } from '../routing/route.js';
import { requirementOf, type RequirementContext } from './requirement.js';

const NOW_MS = 1_760_000_000_000;
const CONTEXT: RequirementContext = {
  clusterId: '7',
  history: historyOf(2),
  positions,
  nowMs: NOW_MS,
  maxAgeMs: 120_000,
};

const opened = (changes: Partial<TokenNumbers> = {}): OpenedToken => ({
  kind: 'token',
  token: tokenAt({ clusterId: '7', timeline: 2, position: 100n, issuedAtMs: NOW_MS - 1_000, ...changes }),
});
const notUnderstood = (issuedAtMs: number): OpenedToken => ({
  kind: 'not-understood',
  issuedAtMs,
  why: 'key',
});

const nothing: Requirement = { position: undefined, pinnedUntilMs: undefined };
const position = (value: bigint): Requirement => ({ position: at(value), pinnedUntilMs: undefined });
const pinned = (forMs: number, value?: bigint): Requirement => ({
  position: at(value),
  pinnedUntilMs: NOW_MS + forMs,
  pinnedBy: 'after-failover',
});
const written = (writtenBy: TokenReason, agoMs: number, value?: bigint): Requirement => ({
  position: at(value),
  writtenAtMs: NOW_MS - agoMs,
  writtenBy,
});

describe('a client must find', () => {
  it.each<[string, OpenedToken[], Requirement]>([
    ['anything, without tokens', [], nothing],
    ['the position of its token', [opened()], position(100n)],
    [
      'the highest position of its tokens',
      [opened(), opened({ position: 300n }), opened({ position: 200n })],
      position(300n),
    ],
    [
      'all that was there at a write without position',
      [opened({ position: undefined })],
      written('client-wrote-recently', 1_000),
    ],
    [
      'the same to the end of its life',
      [opened({ position: undefined, issuedAtMs: NOW_MS - 120_000 })],
      written('client-wrote-recently', 120_000),
    ],
    [
      'anything after it, without position or understanding',
      [opened({ position: undefined, issuedAtMs: NOW_MS - 120_001 }), notUnderstood(NOW_MS - 120_001)],
      nothing,
    ],
    [
      'both, with a position and a time',
      [opened(), opened({ position: undefined })],
      written('client-wrote-recently', 1_000, 100n),
    ],
    [
      'all that was there when a token was issued that is not understood',
      [notUnderstood(NOW_MS - 500)],
      written('unread-token', 500),
    ],
    [
      'all that was there at the last of such times',
      [notUnderstood(NOW_MS - 500), notUnderstood(NOW_MS - 900)],
      written('unread-token', 500),
    ],
    [
      'all that is there when a carrier has failed',
      [{ kind: 'not-understood', issuedAtMs: NOW_MS, why: 'carrier-failed' }],
      written('carrier-failed', 0),
    ],
    [
      'the last time for its own reason, and for its own write when two are of the same time',
      [opened({ clusterId: '8' }), opened({ position: undefined }), notUnderstood(NOW_MS - 1_000)],
      written('client-wrote-recently', 1_000),
    ],
    [
      'the last time for its own reason, whatever was written before',
      [opened({ position: undefined }), notUnderstood(NOW_MS - 500)],
      written('unread-token', 500),
    ],
    ['the same when that is long ago', [notUnderstood(NOW_MS - 50_000)], written('unread-token', 50_000)],
    [
      'all that was there at a write to another cluster',
      [opened({ clusterId: '8' })],
      written('foreign-token', 1_000),
    ],
    [
      'time and position, after a failover',
      [opened({ timeline: 1 })],
      written('after-failover', 1_000, 100n),
    ],
    [
      'both, when the failover is long ago',
      [opened({ timeline: 1, issuedAtMs: NOW_MS - 9_000 })],
      written('after-failover', 9_000, 100n),
    ],
    [
      'both, when a failover was not noticed here',
      [opened({ timeline: 3 })],
      written('after-failover', 1_000, 100n),
    ],
    ['the position to the end of its life', [opened({ issuedAtMs: NOW_MS - 120_000 })], position(100n)],
    ['anything after it', [opened({ issuedAtMs: NOW_MS - 120_001 })], nothing],
    ['anything, with garbage', [{ kind: 'malformed' }], nothing],
    ['anything, with a forgery', [{ kind: 'forged' }], nothing],
    [
      'its own, whatever else comes along',
      [{ kind: 'forged' }, opened(), { kind: 'malformed' }],
      position(100n),
    ],
  ])('%s', (_what, tokens, expected) => {
    expect(requirementOf(tokens, CONTEXT)).toEqual(expected);
    expect(requirementOf(tokens.toReversed(), CONTEXT)).toEqual(expected);
  });
});

describe('as long as this instance does not know', () => {
  it.each<[string, Partial<RequirementContext>]>([
    ['its cluster', { clusterId: undefined }],
    ['its timeline', { history: undefined }],
    ['either', { clusterId: undefined, history: undefined }],
  ])('%s, tokens are of time as well', (_what, unknown) => {
    expect(requirementOf([opened()], { ...CONTEXT, ...unknown })).toEqual(
      written('unread-token', 1_000, 100n),
    );
  });

  it('who issued a token, it is one of time', () => {
    expect(requirementOf([opened({ clusterId: '' })], CONTEXT)).toEqual(written('unread-token', 1_000));
  });
});

describe('where clusters have no identifier', () => {
  const context = { ...CONTEXT, clusterId: undefined };

  it('tokens without one are compared by their history', () => {
    expect(requirementOf([opened({ clusterId: '' })], context)).toEqual(position(100n));
    expect(requirementOf([opened({ clusterId: '', timeline: 1 })], context)).toEqual(
      written('after-failover', 1_000, 100n),
    );
  });

  it('one of a cluster that has one is of another database', () => {
    expect(requirementOf([opened()], context)).toEqual(written('unread-token', 1_000, 100n));
  });
});

describe('the clock of the issuing instance runs ahead', () => {
  it.each([1, 4_000, 60_000, 3_600_000])('by %d ms: the position holds', (aheadMs) => {
    expect(requirementOf([opened({ issuedAtMs: NOW_MS + aheadMs })], CONTEXT)).toEqual(position(100n));
  });

  it.each([1, 4_000, 120_000])('by %d ms: a time holds as it is', (aheadMs) => {
    const issuedAtMs = NOW_MS + aheadMs;
    expect(requirementOf([notUnderstood(issuedAtMs)], CONTEXT)).toEqual(written('unread-token', -aheadMs));
    expect(requirementOf([opened({ position: undefined, issuedAtMs })], CONTEXT)).toEqual(
      written('client-wrote-recently', -aheadMs),
    );
  });

  it('by more than the life of a token: a time is not believed, or it would never end', () => {
    const issuedAtMs = NOW_MS + 120_001;
    expect(requirementOf([notUnderstood(issuedAtMs)], CONTEXT)).toEqual(nothing);
    expect(requirementOf([notUnderstood(issuedAtMs), notUnderstood(NOW_MS)], CONTEXT)).toEqual(
      written('unread-token', 0),
    );
  });
});

describe('right behind a failover, a client must find', () => {
  const after = (more: Partial<RequirementContext>, ...tokens: OpenedToken[]) =>
    requirementOf(tokens, { ...CONTEXT, ...more });

  it('at least what the new primary had when it was first seen', () => {
    expect(after({ firstHead: at(150n) }, opened())).toEqual(position(150n));
    expect(after({ firstHead: at(150n) }, opened({ position: 200n }))).toEqual(position(200n));
    expect(after({ firstHead: at(150n) }, opened({ timeline: 1 }))).toEqual(
      written('after-failover', 1_000, 100n),
    );
  });

  it('the primary until all replicas are judged, however old its token', () => {
    const settledAtMs = NOW_MS + 700;
    expect(after({ settledAtMs }, opened({ issuedAtMs: NOW_MS - 60_000 }))).toEqual(pinned(700, 100n));
    expect(after({ settledAtMs }, notUnderstood(NOW_MS - 500))).toEqual({
      ...pinned(700),
      ...written('unread-token', 500),
    });
    expect(after({ settledAtMs })).toEqual(nothing);
  });
});

describe('log that the primary has not flushed', () => {
  const flushed = { position: at(90n) as NonNullable<ReturnType<typeof at>>, untilMs: NOW_MS };
  const demand = (changes: Partial<TokenNumbers>, context: Partial<RequirementContext> = {}) =>
    requirementOf([opened(changes)], { ...CONTEXT, flushed, ...context }).position;

  it('is not demanded by a token that was issued before all that lies before it', () => {
    expect(demand({ issuedAtMs: NOW_MS - 1_001 })).toEqual(at(90n));
  });

  it('is, as long as the write itself may not be flushed, or clocks may differ', () => {
    expect(demand({ issuedAtMs: NOW_MS - 1_000 })).toEqual(at(100n));
  });

  it('is no matter to tokens of positions before it, or of other histories', () => {
    expect(demand({ issuedAtMs: NOW_MS - 5_000, position: 80n })).toEqual(at(80n));
    expect(demand({ issuedAtMs: NOW_MS - 5_000, timeline: 1 })).toEqual(at(100n));
  });
});
