import { describe, expect, it } from '@jest/globals';
import { check, decide, NOW, primary, replica, USE_SLAVE, type Row } from '../../test/support/decisions.js';
import { at } from '../../test/support/postgres-places.js';
import type { KnownSnapshot } from './node-snapshot.js';

const token = (position: bigint) => ({ required: { position: at(position) } });
const down = (state: 'unreachable' | 'usable' = 'unreachable') => ({ primary: primary(state) });

describe('groups', () => {
  const a = replica('a');
  const r = replica('r', { group: 'reports' });
  const s = replica('s', { group: 'search' });
  const gone = replica('r', { group: 'reports', state: 'unreachable' });
  const reports = { choice: { ...USE_SLAVE, group: 'reports' } };
  const own = { choice: { ...USE_SLAVE, group: 'reports', ownWrites: true } };

  it.each<Row>([
    ['a read that names none reads replicas of none', [a, r, s], {}, 'a: read-method'],
    ['one that names a group reads its replicas', [a, r, s], reports, 'r: use-slave'],
    ['replicas set apart serve no other read', [r], {}, 'primary: no-replicas'],
    [
      'nor do they when no other one is usable',
      [replica('a', { state: 'unreachable' }), r],
      {},
      'primary: no-usable-replica',
    ],
    [
      'where all are set apart the primary serves',
      [r],
      { terms: { allowsFallback: false } },
      'primary: no-replicas',
    ],
    ['a group that is out is a case for the fall-back', [a, gone], reports, 'primary: no-usable-replica'],
    [
      'which may be none',
      [a, gone],
      { ...reports, terms: { allowsFallback: false } },
      '503 no-replica-available: no-usable-replica',
    ],
    ['so is one that was removed', [a], { ...reports, lostGroups: ['reports'] }, 'primary: no-replicas'],
    [
      'for which the primary may serve none, either',
      [a],
      { ...reports, lostGroups: ['reports'], terms: { allowsFallback: false } },
      '503 no-replica-available: no-replicas',
    ],
    [
      'one that failed the query is not asked again',
      [a, r],
      { ...reports, failed: new Set(['r']) },
      'primary: no-usable-replica',
    ],
    ['a group that was never there is a mistake', [a, s], reports, '503 unknown-group: use-slave'],
    ['but for clusters without replicas', [], reports, 'primary: no-replicas'],
    [
      'of another cluster’s group this one knows nothing',
      [a, s],
      { ...reports, otherGroups: ['reports'] },
      'a: use-slave',
    ],
    [
      'one that may still be discovered is none',
      [a, s],
      { ...reports, terms: { mayDiscover: true } },
      'primary: no-replicas',
    ],
    [
      'a token holds in it',
      [a, replica('r', { group: 'reports', position: 1n }), r],
      { ...own, ...token(100n) },
      'r: use-slave',
    ],
    [
      'and waits for its replicas only',
      [a, replica('r', { group: 'reports', position: 1n })],
      { ...own, ...token(100n) },
      'behind primary r: behind-token',
    ],
    ['the replica of the unit is left for the group', [a, r], { ...reports, previous: 'a' }, 'r: use-slave'],
    [
      'while the primary is down as well, others stay apart',
      [a, gone],
      { ...reports, ...down(), terms: { whenPrimaryDown: 'stale' } },
      '503 primary-unavailable: no-usable-replica',
    ],
    [
      'and what of the group answers serves',
      [a, replica('r', { group: 'reports', position: 1n })],
      {
        ...own,
        required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' },
        ...down(),
        terms: { whenPrimaryDown: 'stale' },
      },
      'r: use-slave',
    ],
  ])('%s', check);
});

describe('zones', () => {
  const here = replica('h', { zone: 'one' });
  const also = replica('i', { zone: 'one' });
  const there = replica('t', { zone: 'two' });
  const nowhere = replica('n');
  const zone = { terms: { zone: 'one' } };

  it.each<Row>([
    ['replicas of the zone serve', [there, here, nowhere, also], zone, 'h,i: read-method'],
    ['without a zone all do', [there, here], {}, 't,h: read-method'],
    ['others when none is in it', [there, nowhere], zone, 't,n: read-method'],
    [
      'others when none of it may serve',
      [replica('h', { zone: 'one', state: 'unreachable' }), there],
      zone,
      't: read-method',
    ],
    [
      'one of it that lags is worse than another',
      [replica('h', { zone: 'one', state: 'lagging', lagMs: 12_000 }), there],
      zone,
      't: read-method',
    ],
    [
      'when all lag, those about as little behind of the zone',
      [
        replica('h', { zone: 'one', state: 'lagging', lagMs: 12_100 }),
        replica('t', { zone: 'two', state: 'lagging', lagMs: 12_000 }),
      ],
      zone,
      'h: read-method',
    ],
    ['one that failed the query', [here, there], { ...zone, failed: new Set(['h']) }, 't: read-method'],
    [
      'a token is worth more than the zone',
      [replica('h', { zone: 'one', position: 1n }), there],
      { ...zone, ...token(100n) },
      't: read-method',
    ],
    [
      'a wait is for all of them',
      [replica('h', { zone: 'one', position: 1n }), replica('t', { zone: 'two', position: 1n })],
      { ...zone, ...token(100n) },
      'behind primary h,t: behind-token',
    ],
    ['a unit stays where it was', [here, there], { ...zone, previous: 't' }, 't: read-method'],
    [
      'and goes where most is replayed when that is gone',
      [replica('h', { zone: 'one', position: 99n }), there],
      { ...zone, previous: 'x' },
      't: read-method',
    ],
    [
      'while the primary is down, too',
      [here, there],
      {
        primary: primary('unreachable'),
        required: { pinnedUntilMs: NOW + 1, pinnedBy: 'after-failover' },
        terms: { zone: 'one', whenPrimaryDown: 'stale' },
      },
      'h: read-method',
    ],
  ])('%s', check);

  it('copies nothing when all are of the zone', () => {
    const replicas = [here, also];
    const plan = decide(replicas, zone);
    expect(plan.kind === 'replica' && plan.candidates).toBe(replicas);
  });
});

describe('the staleness that a handler allows', () => {
  const knownAt = (name: string, agoMs: number, more: Partial<KnownSnapshot> = {}) =>
    replica(name, { completeAtMs: NOW - agoMs, ...more });
  const upTo = (maxLagMs: number) => ({ choice: { ...USE_SLAVE, maxLagMs } });

  it.each<Row>([
    [
      'is met by what is known to be as fresh',
      [knownAt('a', 2_000), knownAt('b', 2_001)],
      upTo(2_000),
      'a: use-slave',
    ],
    ['else the primary serves', [knownAt('a', 2_001)], upTo(2_000), 'primary: too-stale'],
    [
      'whose fall-back may be none',
      [knownAt('a', 2_001)],
      { ...upTo(2_000), terms: { allowsFallback: false } },
      '503 no-replica-available: too-stale',
    ],
    ['of none at all: always the primary', [knownAt('a', 1)], upTo(0), 'primary: too-stale'],
    [
      'by lag, where the service tells that alone',
      [replica('a', { lagMs: 500, seenAtMs: NOW - 500 })],
      upTo(1_000),
      'a: use-slave',
    ],
    [
      'with the time since then',
      [replica('a', { lagMs: 500, seenAtMs: NOW - 501 })],
      upTo(1_000),
      'primary: too-stale',
    ],
    [
      'an unknown lag is none that is known',
      [replica('a', { lagMs: undefined })],
      upTo(60_000),
      'primary: too-stale',
    ],
    [
      'nor is that after a restart',
      [replica('a', { completeAtMs: -Infinity })],
      upTo(60_000),
      'primary: too-stale',
    ],
    [
      'nor that of one of several servers',
      [knownAt('a', 1)].map((one) => ({ ...one, endpoint: { kind: 'per-connection' } as const })),
      upTo(60_000),
      'primary: too-stale',
    ],
    [
      'is no matter when none answers',
      [replica('a', { state: 'unreachable', lagMs: undefined })],
      upTo(2_000),
      'primary: no-usable-replica',
    ],
    [
      'is less than the monitor’s limit',
      [knownAt('a', 11_000, { state: 'lagging', lagMs: 10_500 })],
      upTo(12_000),
      'a: use-slave',
    ],
    [
      'goes with tokens',
      [knownAt('a', 1, { position: 1n }), knownAt('b', 9_000)],
      { choice: { ...USE_SLAVE, ownWrites: true, maxLagMs: 2_000 }, ...token(100n) },
      'behind primary a: behind-token',
    ],
    [
      'and with groups',
      [knownAt('a', 1), knownAt('r', 9_000, { group: 'reports' })],
      { choice: { ...USE_SLAVE, maxLagMs: 2_000, group: 'reports' } },
      'primary: too-stale',
    ],
    [
      'while the primary is down, the last known lag tells',
      [replica('a', { completeAtMs: NOW - 60_000, lagMs: 0, seenAtMs: NOW - 100 })],
      { ...upTo(2_000), ...down() },
      'a: use-slave',
    ],
    [
      'but what lacked something then lacks it',
      [replica('a', { completeAtMs: NOW - 60_000, lagMs: 3_000, seenAtMs: NOW - 100 })],
      { ...upTo(2_000), ...down() },
      '503 primary-unavailable: too-stale',
    ],
    [
      "unless stale data are better than none: whenPrimaryDown: 'stale'",
      [replica('a', { completeAtMs: NOW - 60_000, lagMs: 3_000, seenAtMs: NOW - 100 })],
      { ...upTo(2_000), ...down(), terms: { whenPrimaryDown: 'stale' } },
      'a: use-slave',
    ],
  ])('%s', check);
});
