import { UsageError } from '../errors.js';
import { isLabel } from '../options/cluster-options.js';
import { describeValue } from '../options/describe-value.js';
import type { HandlerMark, ConsistencyLevel } from '../routing/resolve-intent.js';
import { descriptorsOf, inOwnUnit, type Method, type TokenOfCall } from './in-own-unit.js';
import { addMark, markOf } from './handler-marks.js';

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

/** Options of {@link UseSlave}. `Call`: the parameters of the handler. */
export interface UseSlaveOptions<Call extends readonly unknown[] = never[]> {
  /**
   * `true`: a client that has just written is served by the primary when no replica has its write in time. `false`:
   * such a client may be shown data from before its write.
   * @default whether `token` is given
   */
  readonly ownWrites?: boolean;
  /** Only replicas of that group read, see `group` of `replicas`. The clients' tokens hold there, too. @default those of no group */
  readonly group?: string | undefined;
  /**
   * Only replicas read that are known to be no further behind, in ms, else the primary. Lag is known from probe to probe: below
   * two and a half times `monitor.intervalMs` it is mostly the primary.
   * @default no limit but the monitor's
   */
  readonly maxLagMs?: number | undefined;
  /**
   * For messages, jobs and sockets, which have no carriers: finds the default cluster's token, which
   * `ConnectionSelector.token()` has answered to the sender, in the arguments of the handler.
   *
   * ```ts
   * @MessagePattern('stock') @UseSlave({ token: (order: Order) => order.token }) stock(@Payload() order: Order) { ... }
   * ```
   */
  readonly token?: (...call: Call) => string | undefined;
}

/**
 * The handler, or every handler of the controller, reads a replica, whatever its HTTP method. It prefers a replica that
 * has the client's own writes, and waits `consistency.maxWaitMs` for one, but never goes to the primary for them.
 *
 * ```ts
 * @Post('search') @UseSlave() search(@Body() query: Query) { return this.posts.find(where(query)); }
 * ```
 */
export function UseSlave<Call extends readonly unknown[]>({
  token,
  ownWrites = token !== undefined,
  group,
  maxLagMs,
}: UseSlaveOptions<Call> = {}): RouteDecorator {
  if (group !== undefined && !isLabel(group)) throw wrongOption('group', 'the name of a group', group);
  if (maxLagMs !== undefined && !(typeof maxLagMs === 'number' && maxLagMs >= 0))
    throw wrongOption('maxLagMs', 'a number of milliseconds, 0 or more', maxLagMs);
  return markRoute({ useSlave: { ownWrites, group, maxLagMs } }, token as TokenOfCall | undefined);
}

function wrongOption(option: string, expected: string, given: unknown): UsageError {
  return new UsageError(`@UseReplica({ ${option} }) takes ${expected}, and got ${describeValue(given)}.`);
}

/** The same as {@link UseSlave}. */
export const UseReplica = UseSlave;

/** A decorator that says `mark` of its target. */
export function markRoute(mark: HandlerMark, tokenOf?: TokenOfCall): RouteDecorator {
  return ((target: object, key?: string | symbol, descriptor?: TypedPropertyDescriptor<Method>) => {
    if (key === undefined) {
      addMark(target, mark);
      runHandlersInOwnUnit((target as { prototype: object }).prototype, tokenOf);
      return;
    }
    if (typeof descriptor?.value !== 'function') throw noMethod(target, key);
    descriptor.value = inOwnUnit(descriptor.value, tokenOf);
    addMark(descriptor.value, mark);
  }) as RouteDecorator;
}

/** Getters and properties that hold a function. */
function noMethod(target: object, key: string | symbol): UsageError {
  const { name } = typeof target === 'function' ? target : target.constructor;
  return new UsageError(
    `@UseSlave(), @ChangesDatabase() and @Consistency() are for methods and classes, and ${name}.${String(key)} is neither. Make it a method, or use ConnectionSelector.run() in it.`,
  );
}

/** Of a class, what other decorators have made a handler: helpers and life-cycle hooks stay as they are. */
function runHandlersInOwnUnit(prototype: object, tokenOf: TokenOfCall | undefined): void {
  for (const [key, descriptor] of descriptorsOf(prototype)) {
    const method: unknown = descriptor.value;
    if (key === 'constructor' || typeof method !== 'function') continue;
    if (Reflect.getMetadataKeys(method).length === 0 || markOf(method)) continue;
    Object.defineProperty(prototype, key, { ...descriptor, value: inOwnUnit(method as Method, tokenOf) });
  }
}

/**
 * `consistency.level` for one handler, or for every handler of a controller; the handler's wins. `'session'`: a client
 * sees its own writes. `'eventual'`: its tokens are not asked for, and what the handler writes leaves none.
 * `'primary'`: clients with a live token read the primary.
 *
 * ```ts
 * @Get('trending') @Consistency('eventual') trending() { return this.posts.find(mostRead); }
 * ```
 */
export function Consistency(level: ConsistencyLevel): RouteDecorator {
  return markRoute({ consistency: level });
}
