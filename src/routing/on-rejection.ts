/** Handles the rejection of a promise that a function of the application has returned, and that is not awaited. */
export function onRejection(answer: unknown, handle: (error: unknown) => void): void {
  const promise = answer as PromiseLike<unknown> | null | undefined;
  if (typeof promise?.then === 'function') promise.then(undefined, handle);
}
