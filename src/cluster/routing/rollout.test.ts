import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { UnitOfWork, type UnitOrigin } from '../../context/unit-of-work.js';
import { ClientAffinity, lotOf, preferByKey } from '../../routing/client-affinity.js';
import { resolveIntent } from '../../routing/resolve-intent.js';
import { replica } from '../../../test/support/decisions.js';
import { ClusterEmitter } from '../events/cluster-events.js';
import { Rollout } from './rollout.js';

const READ = resolveIntent({ isReadMethod: true, wrote: false, promoted: false });
const WRITE = resolveIntent({ isReadMethod: false, wrote: false, promoted: false });

function instance(share: number, random: () => number = Math.random) {
  const told: unknown[] = [];
  const events = new ClusterEmitter(() => undefined);
  events.on('routingChanged', (payload) => void told.push(payload));
  const affinity = new ClientAffinity(
    (request) => (request as { user?: string }).user,
    () => undefined,
  );
  const rollout = new Rollout({ start: { mode: 'route', share }, affinity, events, random });
  return { rollout, told };
}

function requestOf(user?: string): UnitOfWork {
  const exchange = { platformRequest: { user } } as unknown as UnitOrigin['exchange'];
  return new UnitOfWork({ kind: 'http', method: 'GET', exchange });
}

const isIn = ({ rollout }: ReturnType<typeof instance>, unit: UnitOfWork) =>
  !rollout.isOutside(READ, unit.on('default'));

describe('routing.share', () => {
  const users = Array.from({ length: 20_000 }, (_, number) => `user-${number}`);
  const kinds: readonly (readonly [string, (number: number) => string])[] = [
    ['numbers', String],
    ['names', (number) => `user-${number}`],
    ['bearer tokens', (number) => `Bearer ${(number * 7_919).toString(36)}`],
  ];

  it.each(kinds)('has of 20,000 clients with keys 4.5 to 5.5 %% at 5 %% (%s)', (_kind, keyOf) => {
    const inside = users.filter((_user, number) => lotOf(keyOf(number)) < 0.05);
    expect(inside.length / users.length).toBeGreaterThanOrEqual(0.045);
    expect(inside.length / users.length).toBeLessThanOrEqual(0.055);
  });

  it('has every client on one side, throughout and on every instance', () => {
    const instances = [instance(0.05), instance(0.05), instance(0.05)];
    const sides = instances.map((one) => users.map((user) => isIn(one, requestOf(user))));
    const again = users.map((user) => isIn(instances[0] as never, requestOf(user)));
    expect(sides[1]).toEqual(sides[0]);
    expect(sides[2]).toEqual(sides[0]);
    expect(again).toEqual(sides[0]);
  });

  it('moves no client out when it grows, and lets all in at 1, none at 0', () => {
    const one = instance(0);
    const inside = (share: number) => {
      one.rollout.set({ share });
      return new Set(users.filter((user) => isIn(one, requestOf(user))));
    };
    let before = inside(0);
    expect(before.size).toBe(0);
    for (const share of [0.001, 0.05, 0.051, 0.5, 0.99]) {
      const after = inside(share);
      expect([...before].filter((user) => !after.has(user))).toEqual([]);
      before = after;
    }
    expect(inside(1).size).toBe(users.length);
  });

  // Other versions, and programs that compute it by docs/rollout.md, must come to the same.
  it.each([
    ['1', 0.7380462528672069],
    ['user-17', 0.7486359924077988],
    ['Bearer abc', 0.6949626421555877],
    ['ä😀', 0.9146714867092669],
  ])('draws %s as it always has', (key, lot) => {
    expect(lotOf(key)).toBe(lot);
  });

  it('is what docs/rollout.md says how to compute', () => {
    const docs = readFileSync(new URL('../../../docs/rollout.md', import.meta.url), 'utf8');
    const [, typed = ''] = /```ts\n(function lotOf[^`]*(?:`share:[^`]*`)[^]*?)```/.exec(docs) ?? [];
    const code = typed.replaceAll(/: (string|number)/g, '');
    // oxlint-disable-next-line no-new-func
    const documented = new Function(`${code}; return lotOf;`)() as typeof lotOf;
    for (const user of users.slice(0, 100)) expect(documented(user)).toBe(lotOf(user));
    const [, number] = /lotOf\('user-17'\); \/\/ (\S+)/.exec(docs) ?? [];
    expect(Number(number)).toBe(lotOf('user-17'));
  });

  it('spreads the clients that are in evenly over the replicas', () => {
    const replicas = [replica('replica-1'), replica('replica-2')] as const;
    const inside = users.filter((user) => lotOf(user) < 0.05);
    const first = inside.filter((user) => preferByKey(user, replicas).name === 'replica-1');
    expect(first.length / inside.length).toBeGreaterThan(0.4);
    expect(first.length / inside.length).toBeLessThan(0.6);
  });

  it('draws clients without a key per unit of work, which all that is nested in it shares', () => {
    const draws = [0.04, 0.06, 0.01];
    const one = instance(0.05, () => draws.shift() ?? 1);
    const first = requestOf();
    const nested = new UnitOfWork({ kind: 'run' }, first);
    expect([isIn(one, nested), isIn(one, first), isIn(one, nested)]).toEqual([true, true, true]);
    const second = requestOf();
    expect([isIn(one, second), isIn(one, new UnitOfWork({ kind: 'message' }, second))]).toEqual([
      false,
      false,
    ]);
    expect(one.rollout.isOutside(READ, undefined)).toBe(false);
    expect(one.rollout.isOutside(READ, undefined)).toBe(true);
  });

  it('has a client on its side from the moment that its key is known', () => {
    const one = instance(0.05, () => 0);
    const request = { user: undefined as string | undefined };
    const exchange = { platformRequest: request } as unknown as UnitOrigin['exchange'];
    const unit = new UnitOfWork({ kind: 'http', exchange });
    expect(isIn(one, unit)).toBe(true);
    request.user = users.find((user) => lotOf(user) > 0.05);
    expect(isIn(one, unit)).toBe(false);
  });

  it('says nothing of what goes to the primary anyway', () => {
    expect(instance(0).rollout.isOutside(WRITE, requestOf('ann').on('default'))).toBe(false);
  });

  it('is told of when it changes, as the mode is', () => {
    const { rollout, told } = instance(1);
    rollout.set({ share: 0.05 });
    rollout.set({ share: 0.05, mode: 'route' });
    rollout.set({ mode: 'primary-only' });
    expect(told).toEqual([
      { mode: 'route', share: 0.05 },
      { mode: 'primary-only', share: 0.05 },
    ]);
  });

  it('matters only in mode route', () => {
    const { rollout } = instance(0);
    expect(rollout.modeOf({ isOutside: true })).toBe('outside-share');
    expect(rollout.modeOf({ isOutside: false })).toBe('route');
    rollout.set({ mode: 'observe' });
    expect(rollout.modeOf({ isOutside: true })).toBe('observe');
  });
});
