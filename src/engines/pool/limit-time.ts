/**
 * Calls `giveUp` when the time is over. A process that stood still meanwhile has heard nothing for that reason: it gets the
 * time once more. Keeps no process alive; ended by the function that it answers.
 */
export function limitTime(ms: number, giveUp: () => void): () => void {
  let timer: NodeJS.Timeout;
  const start = (isRepeat: boolean): void => {
    const dueAtMs = performance.now() + ms;
    timer = setTimeout(() => {
      if (!isRepeat && performance.now() - dueAtMs > LATE_MS) start(true);
      else giveUp();
    }, ms).unref();
  };
  start(false);
  return () => clearTimeout(timer);
}

/** When a timer fires later than this, an answer may be lying there unread. */
const LATE_MS = 20;
