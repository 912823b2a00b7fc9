import { describe, expect, it } from '@jest/globals';
import { at } from '../../test/support/postgres-places.js';
import { historyOf } from '../engines/postgres/positions.js';
import { postgres } from '../engines/postgres/postgres.js';
import { UNSEEN, type AnswerEvent, type FailureEvent, type Health, type HealthEvent } from './health.js';
import { nextHealth, probeDelayMs } from './next-health.js';
import type { ProbeAnswer } from '../connector.js';
import type { FailureKind } from '../engine.js';

const TERMS = {
  engine: postgres,
  limits: { maxLagMs: 10_000, maxLagBytes: 1_000_000, hardMaxLagMs: 60_000 },
};
const STANDBY: ProbeAnswer = { role: 'replica', position: at(1n), systemId: 'sys', serverId: 'replica' };
const WRITABLE: ProbeAnswer = {
  role: 'primary',
  position: at(1n),
  systemId: 'sys',
  serverId: 'primary',
  history: historyOf(2),
};
const PRIMARY = { systemId: 'sys', serverId: 'primary', history: historyOf(2) };

type Step = (nowMs: number) => HealthEvent;

function answers(answer: ProbeAnswer, more: Partial<AnswerEvent> = {}): Step {
  const expected = { role: 'replica', primary: PRIMARY } as const;
  const usual = { lag: { ms: 0, bytes: 0 }, hasDiverged: false, expected };
  return (nowMs) => ({ type: 'probe-answered', answer, ...usual, nowMs, ...more });
}

const fails =
  (type: FailureEvent['type'], role: FailureEvent['role'] = 'replica') =>
  (kind: FailureKind): Step =>
  (nowMs) => ({ type, kind, message: `${kind}!`, role, nowMs });

const stoodStill =
  (step: Step): Step =>
  (nowMs) => ({ ...(step(nowMs) as FailureEvent), stoodStill: true });

const good = answers(STANDBY);
const probe = fails('probe-failed');
const request = fails('request-failed');
const late = (ms: number, bytes = 0) => answers(STANDBY, { lag: { ms, bytes } });
const drain: Step = () => ({ type: 'drain-started' });
const becomes =
  (role: FailureEvent['role']): Step =>
  () => ({ type: 'role-changed', role });

const asPrimary = { expected: { role: 'primary', primary: PRIMARY } } as const;
const goodPrimary = answers(WRITABLE, asPrimary);
const primaryProbe = fails('probe-failed', 'primary');
const primaryRequest = fails('request-failed', 'primary');

/** Applies the steps, one per second. */
function live(steps: readonly Step[], from: Health = UNSEEN): Health {
  return steps.reduce((health, step, second) => nextHealth(health, step(second * 1_000), TERMS), from);
}

function states(steps: readonly Step[]): string {
  return steps.map((_, index) => live(steps.slice(0, index + 1)).state).join(' ');
}

describe('the health of a replica', () => {
  it.each<[string, readonly Step[], string]>([
    ['is usable after its first good answer', [good], 'usable'],
    ['is unreachable when it was never seen', [probe('timeout'), good], 'unreachable usable'],
    ['survives one failed probe as a suspect', [good, probe('timeout'), good], 'usable suspect usable'],
    ['does not survive two', [good, probe('timeout'), probe('connection')], 'usable suspect unreachable'],
    ['ends at once when a request loses its connection', [good, request('connection')], 'usable unreachable'],
    [
      'is in doubt, however often, when this process has just stood still',
      [good, stoodStill(request('connection')), stoodStill(request('starting')), good],
      'usable suspect suspect usable',
    ],
    [
      'ends at once when the server says that it is not there yet',
      [good, request('starting')],
      'usable unreachable',
    ],
    [
      'ends when a suspect loses a request',
      [good, probe('timeout'), request('connection')],
      'usable suspect unreachable',
    ],
    ['returns after one good answer', [good, request('connection'), good], 'usable unreachable usable'],
    [
      'is not death when it has no connection to spare',
      [good, probe('overload'), request('overload')],
      'usable usable usable',
    ],
    ['is not known by being refused for want of connections', [probe('overload'), good], 'connecting usable'],
    [
      'does not end with a session that it has ended itself',
      [good, request('session-ended')],
      'usable usable',
    ],
    ['does not end with a slow query', [good, request('timeout')], 'usable usable'],
    ['tells a wrong password from an outage', [good, probe('misconfigured')], 'usable misconfigured'],
    ['returns when the password is right again', [probe('misconfigured'), good], 'misconfigured usable'],
    [
      'changes from misconfigured to unreachable',
      [probe('misconfigured'), probe('connection')],
      'misconfigured unreachable',
    ],
    ['refuses a server of another cluster', [answers({ ...STANDBY, systemId: 'other' })], 'misconfigured'],
    [
      'cannot tell another cluster before the primary is known',
      [answers({ ...STANDBY, systemId: 'other' }, { expected: { role: 'replica', primary: {} } })],
      'usable',
    ],
    ['refuses the primary behind a second name', [answers(WRITABLE)], 'is-primary'],
    [
      'is good when it is a standby, though the primary’s address leads to it as well',
      [answers({ ...STANDBY, serverId: 'primary' })],
      'usable',
    ],
    ['refuses a writable server', [answers({ ...WRITABLE, serverId: 'x' }), good], 'is-primary usable'],
    [
      'never makes a suspect of a writable server',
      [answers(WRITABLE), probe('timeout')],
      'is-primary unreachable',
    ],
    [
      'knows at once that a server returned in the wrong role',
      [good, request('connection'), answers(WRITABLE)],
      'usable unreachable is-primary',
    ],
    [
      'ends with draining, which is final',
      [good, drain, becomes('replica'), good, request('connection')],
      'usable draining draining draining draining',
    ],
    [
      'has to answer as a replica once it is the primary no more',
      [goodPrimary, becomes('replica'), good],
      'usable connecting usable',
    ],
    [
      'is out from the first failure where it has not answered as a replica',
      [goodPrimary, becomes('replica'), probe('timeout')],
      'usable connecting unreachable',
    ],
    [
      'stays out when another takes the place of a lost primary',
      [goodPrimary, primaryProbe('connection'), primaryProbe('connection'), becomes('replica')],
      'usable suspect unreachable unreachable',
    ],
    [
      'is what it was until it answers as the primary',
      [answers(WRITABLE), becomes('primary'), goodPrimary],
      'is-primary is-primary usable',
    ],

    ['lags beyond the limit', [late(10_000), late(10_001)], 'usable lagging'],
    [
      'lags until it is well below the limit',
      [late(10_001), late(8_001), late(8_000), late(9_999)],
      'lagging lagging usable usable',
    ],
    [
      'lags by bytes as well',
      [late(0, 1_000_001), late(0, 800_001), late(0, 800_000)],
      'lagging lagging usable',
    ],
    ['is stale beyond the hard limit', [late(60_000), late(60_001), late(60_000)], 'lagging stale lagging'],
    ['never makes a suspect of a stale replica', [late(60_001), probe('timeout')], 'stale unreachable'],
    [
      'makes a suspect of a lagging one',
      [late(10_001), probe('timeout'), late(10_001)],
      'lagging suspect lagging',
    ],
    [
      'returns as lagging when it lags',
      [good, request('connection'), late(10_001)],
      'usable unreachable lagging',
    ],
    ['is usable where lag is not known', [answers(STANDBY, { lag: undefined })], 'usable'],
  ])('%s', (_rule, steps, expected) => {
    expect(states(steps)).toBe(expected);
  });

  it.each<FailureKind>(['query', 'schema-behind', 'read-only', 'unlogged', 'recovery-conflict'])(
    'does not end with a query that fails: %s',
    (kind) => expect(states([good, request(kind)])).toBe('usable usable'),
  );

  it('says why', () => {
    expect(live([good, request('connection')])).toMatchObject({ detail: 'connection!' });
    expect(live([late(12_340, 2_048)])).toMatchObject({
      detail: 'it is 12.3 s and 2048 bytes behind the primary',
    });
    expect(live([late(12_340), good]).detail).toBeUndefined();
    expect(live([answers(WRITABLE)]).detail).toBe('its address leads to the primary');
    expect(live([answers({ ...WRITABLE, serverId: 'x' })]).detail).toMatch('not in recovery');
  });
});

describe('a replica that comes and goes', () => {
  /** Good answers, one per second, until it is usable. */
  function answersToReturn(out: Health, nowMs: number): [number, Health] {
    let health = out;
    let count = 0;
    while (health.state !== 'usable' && count < 100) {
      health = nextHealth(health, good(nowMs + count * 1_000), TERMS);
      count++;
    }
    return [count, health];
  }

  it('must give more good answers every time, up to a limit', () => {
    let health = live([good]);
    const needed = [];
    for (let time = 0; time < 8; time++) {
      const out = nextHealth(health, request('connection')(time * 10_000), TERMS);
      const [count, back] = answersToReturn(out, time * 10_000 + 1_000);
      needed.push(count);
      health = back;
    }
    expect(needed).toEqual([1, 2, 3, 4, 5, 5, 5, 5]);
  });

  it('is forgiven when it stayed up for a minute', () => {
    const flapping = live([good, request('connection'), good, request('connection'), good, good]);
    const [atOnce] = answersToReturn(nextHealth(flapping, request('connection')(64_999), TERMS), 65_000);
    const [later] = answersToReturn(nextHealth(flapping, request('connection')(65_000), TERMS), 65_000);
    expect([atOnce, later]).toEqual([3, 1]);
  });

  it('begins again to prove itself when it fails while doing so', () => {
    const proving = [good, request('connection'), good, request('connection'), good];
    expect(states([...proving, probe('timeout'), good, good])).toBe(
      'usable unreachable usable unreachable unreachable unreachable unreachable usable',
    );
  });

  it('need not prove itself in the wrong role', () => {
    expect(states([good, request('connection'), good, request('connection'), answers(WRITABLE)])).toMatch(
      / is-primary$/,
    );
  });

  it('is not blamed for having been down at the start', () => {
    expect(states([probe('timeout'), good, request('connection'), good])).toBe(
      'unreachable usable unreachable usable',
    );
  });

  it('is taken out once, however many requests report it', () => {
    const [count] = answersToReturn(
      live([good, request('connection'), request('connection'), probe('timeout')]),
      4_000,
    );
    expect(count).toBe(1);
  });
});

describe('the health of the primary', () => {
  it.each<[string, readonly Step[], string]>([
    ['is usable when it is writable', [goodPrimary], 'usable'],
    [
      'is doubted, not ended, by a lost connection: there is no other',
      [goodPrimary, primaryRequest('connection'), primaryRequest('connection'), goodPrimary],
      'usable suspect suspect usable',
    ],
    [
      'ends when the probe after a lost connection fails',
      [goodPrimary, primaryRequest('connection'), primaryProbe('connection')],
      'usable suspect unreachable',
    ],
    [
      'ends with two failed probes',
      [goodPrimary, primaryProbe('timeout'), primaryProbe('timeout')],
      'usable suspect unreachable',
    ],
    [
      'is seen when it turns out to be a standby',
      [answers(STANDBY, asPrimary), goodPrimary],
      'is-replica usable',
    ],
    [
      'is refused on an older timeline',
      [answers({ ...WRITABLE, history: historyOf(1) }, asPrimary)],
      'is-replica',
    ],
    [
      'is not made worse by refusing writes as a standby',
      [answers(STANDBY, asPrimary), primaryRequest('connection'), goodPrimary],
      'is-replica is-replica usable',
    ],
    [
      'has no lag to be judged by',
      [answers(WRITABLE, { ...asPrimary, lag: { ms: 1e9, bytes: 0 } })],
      'usable',
    ],
  ])('%s', (_rule, steps, expected) => {
    expect(states(steps)).toBe(expected);
  });

  it('returns with its first good answer, however often it failed', () => {
    const outage = [primaryProbe('timeout'), primaryProbe('timeout'), goodPrimary];
    expect(states([goodPrimary, ...outage, ...outage, ...outage])).toMatch(/unreachable usable$/);
  });
});

describe('the time to the next probe', () => {
  it('is the interval, for a node that is down as well', () => {
    expect(probeDelayMs(live([good]), 1_000)).toBe(1_000);
    expect(probeDelayMs(live(Array.from({ length: 20 }, () => probe('connection'))), 1_000)).toBe(1_000);
  });

  it('grows while a node is misconfigured, up to ten seconds', () => {
    const delays = [1, 2, 3, 4, 5, 50].map((times) =>
      probeDelayMs(live(Array.from({ length: times }, () => probe('misconfigured'))), 1_000),
    );
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('is never less than the interval', () => {
    expect(probeDelayMs(live([probe('misconfigured')]), 30_000)).toBe(30_000);
  });
});
