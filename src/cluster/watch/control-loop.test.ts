import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../../test/support/fake-clock.js';
import { Rollout } from '../routing/rollout.js';
import { ClusterEmitter } from '../events/cluster-events.js';
import { ControlLoop } from './control-loop.js';

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 500;

describe('routing.control', () => {
  let clock: FakeClock;
  let problems: string[];
  let asked: number;
  let running: number;
  let mostRunning: number;
  let signals: AbortSignal[];
  let answers: (() => unknown)[];
  let rollout: Rollout;
  let loop: ControlLoop;

  beforeEach(() => {
    clock = new FakeClock();
    problems = [];
    signals = [];
    answers = [];
    asked = running = mostRunning = 0;
    const events = new ClusterEmitter(() => undefined);
    const start = { mode: 'route', share: 0.5 } as const;
    rollout = new Rollout({ start, affinity: undefined, events, random: () => 0 });
    loop = new ControlLoop({
      ask: ask as never,
      follow: (answer) => rollout.follow(answer),
      onProblem: (problem) => problems.push(problem),
      clock,
      random: () => 0.5,
      intervalMs: INTERVAL_MS,
      timeoutMs: TIMEOUT_MS,
    });
  });

  /** One answer after the other, the last again and again. */
  async function ask(signal: AbortSignal): Promise<unknown> {
    signals.push(signal);
    mostRunning = Math.max(mostRunning, ++running);
    const [answer] = answers.length > 1 ? answers.splice(0, 1) : answers;
    asked++;
    try {
      return await answer?.();
    } finally {
      running--;
    }
  }
  const now = () => ({ mode: rollout.mode, share: rollout.share });
  const hang = () => new Promise<never>(() => undefined);
  const fail = () => Promise.reject(new Error('the store is away'));

  it('is asked at the start, and at every interval from then on', async () => {
    answers = [() => ({ share: 0.05 }), () => ({ mode: 'primary-only', share: 0.05 })];
    await loop.start();
    expect([asked, now()]).toEqual([1, { mode: 'route', share: 0.05 }]);
    await clock.advance(INTERVAL_MS - 1);
    expect(asked).toBe(1);
    await clock.advance(1);
    expect([asked, now()]).toEqual([2, { mode: 'primary-only', share: 0.05 }]);
    await clock.advance(10 * INTERVAL_MS);
    expect(asked).toBe(12);
    expect(problems).toEqual([]);
  });

  it('holds up the start for as long as a call may take; the options hold until it answers', async () => {
    let answer: (given: unknown) => void = () => undefined;
    answers = [() => new Promise((resolve) => (answer = resolve)), hang];
    let hasStarted = false;
    void loop.start().then(() => (hasStarted = true));
    await clock.advance(TIMEOUT_MS - 1);
    expect(hasStarted).toBe(false);
    await clock.advance(1);
    expect([hasStarted, now()]).toEqual([true, { mode: 'route', share: 0.5 }]);
    expect(problems).toEqual(['no answer within 500 ms']);
    expect(signals[0]?.aborted).toBe(true);
    answer({ share: 0 });
    await settle();
    expect(now()).toEqual({ mode: 'route', share: 0 });
  });

  it('is not asked again before the call under way has ended, however long that takes', async () => {
    let answer: (given: unknown) => void = () => undefined;
    answers = [() => ({ share: 0.1 }), () => new Promise((resolve) => (answer = resolve)), hang];
    await loop.start();
    await clock.advance(100 * INTERVAL_MS);
    expect({ asked, mostRunning, share: rollout.share }).toEqual({ asked: 2, mostRunning: 1, share: 0.1 });
    answer({ share: 0.2 });
    await clock.advance(INTERVAL_MS);
    expect({ asked, mostRunning, share: rollout.share }).toEqual({ asked: 3, mostRunning: 1, share: 0.2 });
  });

  const sync = (): never => {
    throw new Error('no flags');
  };
  it.each<[string, () => unknown, RegExp]>([
    ['rejects', fail, /^the store is away$/],
    ['throws', sync, /^no flags$/],
    ['hangs', hang, /^no answer within 500 ms$/],
    ['answers nothing', () => undefined, /routing\.control\(\): expected an object, as in .*, got null/],
    ['answers a text', () => 'route', /routing\.control\(\): expected an object, as in .*, got a string/],
    ['answers a list', () => [], /got an array/],
    [
      'answers an unknown mode',
      () => ({ mode: 'off' }),
      /control\(\)\.mode: expected 'route', 'observe' or 'primary-only', got "off"/,
    ],
    [
      'answers a share in per cent',
      () => ({ share: 5 }),
      /control\(\)\.share: expected a number from 0 to 1, got 5\. For 5 %, write 0\.05\./,
    ],
    [
      'answers a share that is a text',
      () => ({ share: '0.05' }),
      /share: expected a number from 0 to 1, got "0\.05"\. .*Number/,
    ],
    ['answers NaN', () => ({ share: NaN }), /share: expected a number from 0 to 1, got NaN/],
    [
      'answers an option that there is not',
      () => ({ shares: 1 }),
      /control\(\)\.shares: unknown option\. Did you mean share\?/,
    ],
  ])('keeps what was answered last when it %s, and says so once', async (_what, wrong, problem) => {
    answers = [() => ({ mode: 'observe', share: 0.1 }), wrong];
    await loop.start();
    await clock.advance(300 * INTERVAL_MS);
    expect(now()).toEqual({ mode: 'observe', share: 0.1 });
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  it('says so again when it fails again after it has answered, at most once a minute', async () => {
    answers = [fail, () => ({}), fail, () => ({})];
    await loop.start();
    await clock.advance(3 * INTERVAL_MS);
    expect(problems).toHaveLength(1);
    await clock.advance(60 * INTERVAL_MS);
    answers = [fail];
    await clock.advance(200 * INTERVAL_MS);
    expect(problems).toHaveLength(2);
  });

  it('takes what it no longer says from the options, and leaves alone what it has never said', async () => {
    answers = [() => ({ share: 0.05 }), () => ({}), () => ({})];
    await loop.start();
    rollout.set({ mode: 'primary-only' });
    await clock.advance(INTERVAL_MS);
    expect(now()).toEqual({ mode: 'primary-only', share: 0.5 });
    rollout.set({ share: 0 });
    await clock.advance(INTERVAL_MS);
    expect(now()).toEqual({ mode: 'primary-only', share: 0 });
  });

  it('ends with the cluster: no timer is left, and an answer under way changes nothing', async () => {
    let answer: (given: unknown) => void = () => undefined;
    answers = [() => ({}), () => new Promise((resolve) => (answer = resolve))];
    await loop.start();
    await clock.advance(INTERVAL_MS);
    loop.stop();
    expect([clock.pending, signals.map(({ aborted }) => aborted)]).toEqual([0, [false, true]]);
    answer({ mode: 'primary-only' });
    await clock.advance(10 * INTERVAL_MS);
    expect([asked, now(), problems]).toEqual([2, { mode: 'route', share: 0.5 }, []]);
  });

  it('ends while it waits for the next time', async () => {
    answers = [() => ({})];
    await loop.start();
    loop.stop();
    await clock.advance(10 * INTERVAL_MS);
    expect([asked, clock.pending]).toEqual([1, 0]);
  });
});
