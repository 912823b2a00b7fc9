import type { Store } from 'express-session';
import { AsyncResource } from 'node:async_hooks';
import type { ConnectionSelector } from 'nestjs-replicated';

const METHODS = ['get', 'set', 'touch', 'destroy'] as const;
type Method = (...args: unknown[]) => unknown;

/**
 * The recipe of docs/compatibility.md: a session store that reads and writes the primary, whatever the request. What
 * comes after the store (`next()`, in the callback of `get`) runs where it was called.
 */
export function outsideUnits(store: Store, selector: ConnectionSelector): Store {
  for (const name of METHODS) {
    const method = (store[name] as Method | undefined)?.bind(store);
    if (!method) continue;
    const wrapped: Method = (...args) => {
      const bound = args.map((arg) => (typeof arg === 'function' ? AsyncResource.bind(arg as Method) : arg));
      return selector.outside(() => method(...bound));
    };
    Object.assign(store, { [name]: wrapped });
  }
  return store;
}
