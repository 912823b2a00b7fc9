/** Hears of the rejection of a promise that a function of the application has answered, and for which nothing here waits. */
export function onRejection(answer: unknown, handle: (error: unknown) => void): void {
  const promise = answer as PromiseLike<unknown> | null | undefined;
  if (typeof promise?.then === 'function') promise.then(undefined, handle);
}
