const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** npm passes on the Ctrl-C which the terminal has sent to us already: the same one, not an impatient second. */
const SAME_SIGNAL_MS = 400;

/** Stops at the first signal, at once at the second. Returns what tells of the first. */
export function stopOnSignal(stop: () => Promise<void>, log: (line: string) => void): AbortSignal {
  const stopping = new AbortController();
  let stoppingSinceMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stoppingSinceMs !== undefined) {
      if (performance.now() - stoppingSinceMs > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    stoppingSinceMs = performance.now();
    stopping.abort();
    log(`${signal}: stopping (once more: at once)`);
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return stopping.signal;
}
