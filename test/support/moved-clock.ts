import { afterAll, beforeAll } from '@jest/globals';
import { systemClock } from '../../src/clock.js';

/** In tests of a `describe`: lets time pass for the library at once. What its timers wait for goes on as before. */
export function moveClock(): (ms: number) => void {
  const { now } = systemClock;
  let skippedMs = 0;
  beforeAll(() => void (systemClock.now = () => now() + skippedMs));
  afterAll(() => void (systemClock.now = now));
  return (ms) => void (skippedMs += ms);
}
