import { isReplicaWriteError } from '../errors.js';

/**
 * The same answer, as a promise whose rejection counts as handled if a write under replica intent was refused: the
 * refusal is logged by itself, so a call that is not awaited must not end the process. All other errors are the caller's.
 */
export function markRefused<T>(answer: Promise<T>): Promise<T> {
  const told: Promise<T> = answer.catch((error: unknown) => {
    markIfRefusal(told, error);
    throw error;
  });
  return told;
}

/** A rejected promise; as {@link markRefused}. */
export function rejected(reason: unknown): Promise<never> {
  const told = Promise.reject<never>(reason);
  markIfRefusal(told, reason);
  return told;
}

/** For a promise that is about to be rejected. */
export function markIfRefusal(told: Promise<unknown>, error: unknown): void {
  if (isReplicaWriteError(error)) told.catch(ignore);
}

function ignore(): void {
  // The caller may still handle it: a promise may have several handlers.
}
