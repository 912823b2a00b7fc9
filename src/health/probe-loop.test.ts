import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../test/support/fake-clock.js';
import { at } from '../../test/support/postgres-places.js';
import { ProbeLoop, type ProbeFailure } from './probe-loop.js';
import type { ProbeAnswer, Prober } from '../connector.js';
import type { FailureKind } from '../engine.js';

const ANSWER: ProbeAnswer = { role: 'replica', position: at(1n) };
const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 1_600;

/** Answers when told to. */
class FakeProber implements Prober {
  probes = 0;
  running = 0;
  mostRunning = 0;
  resets = 0;
  closes = 0;
  bytesHeard = 0;
  #pending: { resolve: (answer: ProbeAnswer) => void; reject: (error: unknown) => void } | undefined;

  async probe(): Promise<ProbeAnswer> {
    this.probes++;
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { resolve, reject };
      });
    } finally {
      this.running--;
    }
  }

  async answer(answer = ANSWER): Promise<void> {
    this.#pending?.resolve(answer);
    await settle();
  }

  async fail(error: unknown): Promise<void> {
    this.#pending?.reject(error);
    await settle();
  }

  reset(): void {
    this.resets++;
    this.#pending?.reject(new Error('destroyed'));
  }

  async close(): Promise<void> {
    this.closes++;
  }
}

describe('a probe loop', () => {
  let clock: FakeClock;
  let prober: FakeProber;
  let seen: (ProbeAnswer | ProbeFailure)[];
  let random: number;
  let delayMs: number;
  let place: 'in-place' | 'misplaced';
  let monitor: ProbeLoop;

  beforeEach(() => {
    clock = new FakeClock();
    prober = new FakeProber();
    seen = [];
    random = 0.5;
    delayMs = INTERVAL_MS;
    place = 'in-place';
    monitor = new ProbeLoop({
      prober,
      clock,
      random: () => random,
      classify: (error) => (error as { kind: FailureKind }).kind,
      timeoutMs: TIMEOUT_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      delayMs: () => delayMs,
      onAnswer: (answer) => {
        seen.push(answer);
        return place;
      },
      onFailure: (failure) => seen.push(failure),
    });
  });

  async function started(): Promise<void> {
    const starting = monitor.start();
    await prober.answer();
    await starting;
  }

  it('asks a server that is not what it should be once more on another connection, before those who wait go on', async () => {
    await started();
    place = 'misplaced';
    const hinted = monitor.hint();
    await clock.advance(20);
    await prober.answer();
    expect(prober.resets).toBe(1);
    expect(prober.probes).toBe(3);
    expect(await isDone(hinted)).toBe(false);
    await prober.answer();
    expect(await isDone(hinted)).toBe(true);
    // It has been asked on a new connection, and will be each time.
    await clock.advance(INTERVAL_MS);
    await prober.answer();
    expect(prober.probes).toBe(4);
  });

  /** Whether a promise is settled by now. */
  async function isDone(promise: Promise<unknown>): Promise<boolean> {
    let done = false;
    void promise.then(() => {
      done = true;
    });
    await settle();
    return done;
  }

  it('starts with a probe, and is started when that was answered', async () => {
    const starting = monitor.start();
    expect(prober.probes).toBe(1);
    expect(await isDone(starting)).toBe(false);
    await prober.answer();
    expect(await isDone(starting)).toBe(true);
    expect(seen).toEqual([ANSWER]);
  });

  it('is started as well when the first probe failed', async () => {
    const starting = monitor.start();
    await prober.fail({ kind: 'connection' });
    expect(await isDone(starting)).toBe(true);
    expect(seen).toMatchObject([{ kind: 'connection' }]);
  });

  it('probes once per interval', async () => {
    await started();
    await clock.advance(INTERVAL_MS - 1);
    expect(prober.probes).toBe(1);
    await clock.advance(1);
    expect(prober.probes).toBe(2);
    await prober.answer();
    await clock.advance(INTERVAL_MS);
    expect(prober.probes).toBe(3);
  });

  it.each([
    [0, 800],
    [0.25, 900],
    [0.999, 1_199.6],
  ])('spreads the probes of many processes: with %d the next is after %d ms', async (drawn, afterMs) => {
    random = drawn;
    await started();
    await clock.advance(afterMs - 0.5);
    expect(prober.probes).toBe(1);
    await clock.advance(0.5);
    expect(prober.probes).toBe(2);
  });

  it('takes the delay from its owner after every probe', async () => {
    delayMs = 4_000;
    await started();
    await clock.advance(3_999);
    expect(prober.probes).toBe(1);
    await clock.advance(1);
    expect(prober.probes).toBe(2);
  });

  it('gives up a probe after its time-out, destroys the connection and goes on', async () => {
    const starting = monitor.start();
    await clock.advance(TIMEOUT_MS - 1);
    expect(prober.resets).toBe(0);
    await clock.advance(1);
    await starting;
    expect(prober.resets).toBe(1);
    expect(seen).toEqual([{ kind: 'timeout', message: 'no answer within 500 ms' }]);
    await clock.advance(INTERVAL_MS);
    expect(prober.probes).toBe(2);
    await prober.answer();
    expect(seen[1]).toBe(ANSWER);
  });

  describe('of a node far away, which takes many round trips to connect', () => {
    const hearsFor = async (ms: number): Promise<void> => {
      for (let passedMs = 0; passedMs < ms; passedMs += 100) {
        prober.bytesHeard += 40;
        await clock.advance(100);
      }
    };

    it('waits while it hears of it', async () => {
      void monitor.start();
      await hearsFor(3 * TIMEOUT_MS - 100);
      expect(seen).toEqual([]);
      await prober.answer();
      expect(seen).toEqual([ANSWER]);
    });

    it('gives up when it hears nothing more', async () => {
      void monitor.start();
      await hearsFor(TIMEOUT_MS);
      await clock.advance(TIMEOUT_MS - 1);
      expect(seen).toEqual([]);
      await clock.advance(1);
      expect(seen).toMatchObject([{ kind: 'timeout' }]);
    });

    it('and does not wait for longer than connecting may take', async () => {
      void monitor.start();
      await hearsFor(CONNECT_TIMEOUT_MS);
      expect(seen).toMatchObject([{ kind: 'timeout' }]);
    });
  });

  describe('in a process that stood still', () => {
    let frozenMs: number;
    let answers: unknown[];
    let held: ProbeLoop;
    beforeEach(() => {
      frozenMs = 0;
      answers = [];
      held = new ProbeLoop({
        prober,
        clock: { now: () => clock.now() + frozenMs, delay: (ms) => clock.delay(ms) },
        random: () => random,
        classify: () => 'connection',
        timeoutMs: TIMEOUT_MS,
        connectTimeoutMs: TIMEOUT_MS,
        delayMs: () => delayMs,
        onAnswer: (answer) => {
          answers.push(answer);
          return place;
        },
        onFailure: (failure) => answers.push(failure.kind),
      });
    });
    afterEach(() => held.stop());

    it('gives the server as much time again', async () => {
      const starting = held.start();
      frozenMs = 100;
      await clock.advance(TIMEOUT_MS);
      expect(answers).toEqual([]);
      await prober.answer();
      await starting;
      expect(answers).toEqual([ANSWER]);
      await clock.advance(INTERVAL_MS);
      frozenMs = 200;
      await clock.advance(2 * TIMEOUT_MS);
      expect(answers).toEqual([ANSWER, 'timeout']);
    });

    it('asks once more, by another connection, when its own has ended meanwhile', async () => {
      const starting = held.start();
      frozenMs = 4_500;
      await prober.fail(new Error('Connection terminated due to connection timeout'));
      expect([prober.probes, prober.resets, answers]).toEqual([2, 1, []]);
      await prober.answer();
      await starting;
      expect(answers).toEqual([ANSWER]);
    });

    it('believes the second failure', async () => {
      const starting = held.start();
      frozenMs = 4_500;
      await prober.fail(new Error('read ECONNRESET'));
      await prober.fail(new Error('connect ECONNREFUSED'));
      await starting;
      expect(answers).toEqual(['connection']);
    });
  });

  it('does not trust the connection of a failed probe, and says why it failed', async () => {
    const starting = monitor.start();
    await prober.fail(
      Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]), { kind: 'connection' }),
    );
    await starting;
    expect(prober.resets).toBe(1);
    expect(seen).toEqual([{ kind: 'connection', message: 'connect ECONNREFUSED ::1:5432' }]);
  });

  it('has one probe under way, whatever happens', async () => {
    void monitor.start();
    void monitor.ask();
    void monitor.hint();
    await clock.advance(TIMEOUT_MS + 10 * INTERVAL_MS);
    expect(prober.probes).toBeGreaterThan(5);
    expect(prober.mostRunning).toBe(1);
  });

  describe('when asked', () => {
    it('lets everyone share the probe under way', async () => {
      void monitor.start();
      const asked = [monitor.ask(), monitor.ask()];
      await prober.answer();
      expect(await Promise.all(asked)).toEqual([ANSWER, ANSWER]);
      expect(prober.probes).toBe(1);
    });

    it('probes at once when the last probe is a while ago', async () => {
      await started();
      await clock.advance(300);
      const asked = monitor.ask();
      expect(prober.probes).toBe(2);
      await prober.answer();
      expect(await asked).toBe(ANSWER);
    });

    it('probes at most once per 20 ms, for all who wait', async () => {
      await started();
      await clock.advance(5);
      const asked = [monitor.ask(), monitor.ask()];
      await clock.advance(14);
      asked.push(monitor.ask());
      expect(prober.probes).toBe(1);
      await clock.advance(1);
      expect(prober.probes).toBe(2);
      await prober.answer({ role: 'replica', position: at(2n) });
      expect((await Promise.all(asked)).map((answer) => answer?.position)).toEqual([2n, 2n, 2n]);
      expect(prober.probes).toBe(2);
    });

    it('probes as soon when the clock was set back meanwhile', async () => {
      await started();
      clock.set(clock.now() - 3_600_000);
      void monitor.ask();
      await clock.advance(20);
      expect(prober.probes).toBe(2);
    });

    it('tells its owner before those who asked', async () => {
      void monitor.start();
      const known = monitor.ask().then(() => seen.length);
      await prober.answer();
      expect(await known).toBe(1);
    });

    it('answers nothing when the probe fails', async () => {
      await started();
      await clock.advance(100);
      const asked = monitor.ask();
      await prober.fail({ kind: 'connection' });
      expect(await asked).toBeUndefined();
    });

    it('counts the interval from then on', async () => {
      await started();
      await clock.advance(900);
      void monitor.ask();
      await prober.answer();
      await clock.advance(INTERVAL_MS - 1);
      expect(prober.probes).toBe(2);
      await clock.advance(1);
      expect(prober.probes).toBe(3);
    });
  });

  describe('after a hint', () => {
    it('probes at once', async () => {
      await started();
      await clock.advance(100);
      void monitor.hint();
      expect(prober.probes).toBe(2);
    });

    it('does not take the probe under way for an answer, since it was sent before', async () => {
      void monitor.start();
      const hinted = monitor.hint();
      await prober.answer();
      expect(await isDone(hinted)).toBe(false);
      await clock.advance(20);
      expect(prober.probes).toBe(2);
      await prober.answer();
      expect(await isDone(hinted)).toBe(true);
    });

    it('probes once for many hints, then returns to the interval', async () => {
      void monitor.start();
      for (let hint = 0; hint < 100; hint++) void monitor.hint();
      await prober.answer();
      await clock.advance(20);
      await prober.answer();
      await clock.advance(INTERVAL_MS - 1);
      expect(prober.probes).toBe(2);
    });
  });

  describe('when stopped', () => {
    it('leaves no timer and closes the connection', async () => {
      await started();
      await monitor.stop();
      expect(clock.pending).toBe(0);
      expect(prober.closes).toBe(1);
      await clock.advance(10 * INTERVAL_MS);
      expect(prober.probes).toBe(1);
    });

    it('waits for the probe under way, and tells nobody of it', async () => {
      void monitor.start();
      const stopping = monitor.stop();
      expect(await isDone(stopping)).toBe(false);
      expect(prober.closes).toBe(0);
      await prober.answer();
      expect(await isDone(stopping)).toBe(true);
      expect(prober.closes).toBe(1);
      expect(clock.pending).toBe(0);
      expect(seen).toEqual([]);
    });

    it('waits no longer than the time-out', async () => {
      void monitor.start();
      const stopping = monitor.stop();
      await clock.advance(TIMEOUT_MS);
      expect(await isDone(stopping)).toBe(true);
      expect(clock.pending).toBe(0);
    });

    it('keeps nobody waiting who asks, and may be stopped twice', async () => {
      await started();
      await clock.advance(5);
      const asked = monitor.ask();
      await Promise.all([monitor.stop(), monitor.stop()]);
      expect(await asked).toBeUndefined();
      expect(await monitor.ask()).toBeUndefined();
      expect(await monitor.hint()).toBeUndefined();
      expect(prober.closes).toBe(1);
      expect(clock.pending).toBe(0);
    });
  });
});
