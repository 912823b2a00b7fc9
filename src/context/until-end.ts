import { markIfRefusal } from './mark-refused.js';

/**
 * Calls `run` and says when it has ended: its answer is there, or cannot come. `onEnd` is called before the caller hears of
 * it. `keepOpen` may answer something in place of an answer that is not all there, such as a stream, and then calls `onEnd`
 * itself.
 */
export function untilEnd(
  run: () => unknown,
  onEnd: () => void,
  keepOpen: (answer: unknown) => unknown = nothing,
): unknown {
  const finish = (answer: unknown): unknown => {
    if (answer instanceof Promise) return whenSettled(answer);
    const open = keepOpen(answer);
    if (open === undefined) onEnd();
    return open ?? answer;
  };
  const whenSettled = (answer: Promise<unknown>): Promise<unknown> => {
    const told: Promise<unknown> = answer.then(finish, (error: unknown) => {
      onEnd();
      markIfRefusal(told, error);
      throw error;
    });
    return told;
  };
  try {
    return finish(run());
  } catch (error) {
    onEnd();
    throw error;
  }
}

function nothing(): undefined {
  return undefined;
}
