/** Runs tasks of one key one after the other; a task starts its work when `before` resolves. */
export type InTurn = <T>(key: string, task: (before: Promise<unknown>) => Promise<T>) => Promise<T>;

/** Keeps nothing of a key whose tasks are done. */
export function createInTurn(last = new Map<string, Promise<unknown>>()): InTurn {
  return (key, task) => {
    const turn = task(last.get(key) ?? Promise.resolve());
    // Whoever asked for the turn gets its error; those behind only wait for its end.
    const end = turn.then(noop, noop).then(() => {
      if (last.get(key) === end) last.delete(key);
    });
    last.set(key, end);
    return turn;
  };
}

const noop = () => undefined;
