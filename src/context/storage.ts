import { AsyncLocalStorage } from 'node:async_hooks';
import type { Scope } from './scope.js';

// On globalThis, because an application may load the ES module and the CommonJS build of this package side by side:
// both must see one unit of work.
const KEY = Symbol.for('nestjs-replicated.scope');
const holder = globalThis as typeof globalThis & { [KEY]?: AsyncLocalStorage<Scope | undefined> };

/** Carries the current scope through asynchronous code. */
export const storage: AsyncLocalStorage<Scope | undefined> = (holder[KEY] ??= new AsyncLocalStorage());

/**
 * Runs `fn` outside of every unit of work. For what outlives them, too: a pooled connection's socket and timers would
 * keep the request that was there when they were made.
 */
export function outsideUnits<T>(fn: () => T): T {
  return storage.run(undefined, fn);
}
