import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { limitTime } from './limit-time.js';

/** Keeps the process from everything else, as if it were frozen. */
function standStill(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('a time limit', () => {
  it('gives up when the time is over', async () => {
    await new Promise<void>((resolve) => limitTime(1, resolve));
  });

  it('gives the time once more to a process that stood still, and no more', async () => {
    let isOver = false;
    limitTime(50, () => (isOver = true));
    standStill(150);
    await pause(1);
    expect(isOver).toBe(false);
    standStill(150);
    await pause(1);
    expect(isOver).toBe(true);
  });

  it('ends when it is told', async () => {
    let isOver = false;
    limitTime(10, () => (isOver = true))();
    await pause(50);
    expect(isOver).toBe(false);
  });
});
