import { UseInterceptors } from '@nestjs/common';
import type { HandlerMark } from '../routing/resolve-intent.js';
import { addMark } from './handler-marks.js';
import { RouteInterceptor } from './route.interceptor.js';

/** A decorator for handlers and controller classes. */
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
  return mark({ changesDatabase: true });
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
  return mark({ useSlave: { ownWrites } });
}

/** The same as {@link UseSlave}. */
export const UseReplica = UseSlave;

function mark(mark: HandlerMark): RouteDecorator {
  // The interceptor serves transports without middleware and guards of ours; an instance, since it has no state.
  const intercept = UseInterceptors(RouteInterceptor.instance);
  return ((target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    addMark(descriptor ? (descriptor.value as object) : target, mark);
    if (key !== undefined && descriptor) intercept(target, key, descriptor);
    else intercept(target as never);
  }) as RouteDecorator;
}
