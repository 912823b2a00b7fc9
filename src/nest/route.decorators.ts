import type { HandlerMark } from '../routing/resolve-intent.js';
import { addMark, markOf } from './handler-marks.js';
import { inOwnUnit, type Method } from './in-own-unit.js';

/** A decorator for handlers, any other methods of providers, and controller classes. */
export type RouteDecorator = MethodDecorator & ClassDecorator;

/**
 * The handler, or every handler of the controller, uses the primary, whatever its HTTP method. Wins over `@UseSlave()`
 * on the same target; a handler's decorator wins over its controller's.
 *
 * ```ts
 * @Get('visit') @ChangesDatabase() visit() { return this.counters.increment({ id: 1 }, 'visits', 1); }
 * ```
 */
export function ChangesDatabase(): RouteDecorator {
  return markRoute({ changesDatabase: true });
}

/** Options of {@link UseSlave}. */
export interface UseSlaveOptions {
  /**
   * `true`: a client that has just written is served by the primary when no replica has its write in time.
   * @default false: such a client may be shown data from before its write
   */
  readonly ownWrites?: boolean;
}

/**
 * The handler, or every handler of the controller, reads a replica, whatever its HTTP method. It prefers a replica that
 * has the client's own writes, and waits `consistency.maxWaitMs` for one, but never goes to the primary for them.
 *
 * ```ts
 * @Post('search') @UseSlave() search(@Body() query: Query) { return this.posts.find(where(query)); }
 * ```
 */
export function UseSlave({ ownWrites = false }: UseSlaveOptions = {}): RouteDecorator {
  return markRoute({ useSlave: { ownWrites } });
}

/** The same as {@link UseSlave}. */
export const UseReplica = UseSlave;

/** A decorator that says `mark` of its target. */
export function markRoute(mark: HandlerMark): RouteDecorator {
  return ((target: object, _key?: string | symbol, descriptor?: TypedPropertyDescriptor<Method>) => {
    if (descriptor?.value) {
      descriptor.value = inOwnUnit(descriptor.value);
      addMark(descriptor.value, mark);
    } else {
      addMark(target, mark);
      runHandlersInOwnUnit((target as { prototype: object }).prototype);
    }
  }) as RouteDecorator;
}

/** Of a class, what other decorators have made a handler: helpers and life-cycle hooks stay as they are. */
function runHandlersInOwnUnit(prototype: object): void {
  for (const [key, descriptor] of descriptorsOf(prototype)) {
    const method: unknown = descriptor.value;
    if (key === 'constructor' || typeof method !== 'function') continue;
    if (Reflect.getMetadataKeys(method).length === 0 || markOf(method)) continue;
    Object.defineProperty(prototype, key, { ...descriptor, value: inOwnUnit(method as Method) });
  }
}

/** A prototype's properties, inherited ones included. */
function descriptorsOf(prototype: object): Map<string, PropertyDescriptor> {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  const inherited = parent && parent !== Object.prototype ? descriptorsOf(parent) : [];
  return new Map([...inherited, ...Object.entries(Object.getOwnPropertyDescriptors(prototype))]);
}
