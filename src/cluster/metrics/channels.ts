import { channel, tracingChannel, type Channel } from 'node:diagnostics_channel';
import type { Reason, Route } from '../../routing/route.js';
import type { ClusterEventName } from '../events/cluster-events.js';

/** What every message of a channel says. */
export interface ReplicationMessage {
  /** Name of the cluster. */
  readonly cluster: string;
  /** `PostsController.list`; `undefined` outside of handlers. */
  readonly handler: string | undefined;
}

/** A query was sent to a server: channel `nestjs-replicated:route`, in the query's own context. */
export interface RouteMessage extends ReplicationMessage, Route {
  /** How long it has waited for a replica to catch up, or for a permit of the fall-back, in ms. */
  readonly waitedMs: number;
}

/** A read that has failed is sent again: channel `nestjs-replicated:retry`. The route is the one that has failed. */
export interface RetryMessage extends ReplicationMessage, Route {
  /** Kind of failure: `connection`, `recovery-conflict`, ... */
  readonly kind: string;
}

/** A write under replica intent was refused: channel `nestjs-replicated:refused-write`. */
export interface RefusedWriteMessage extends ReplicationMessage {
  readonly statement: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
}

/** An event of the cluster: channel `nestjs-replicated:event`, with the payload of the event. */
export interface EventMessage {
  readonly cluster: string;
  readonly event: ClusterEventName;
  readonly payload: unknown;
}

/**
 * How a wait has ended.
 *
 * - `replica`: a replica has caught up;
 * - `stale`: none has, and one serves the read all the same (`@UseSlave()`, `whenPrimaryDown: 'stale'`);
 * - `primary`: the primary serves the read: none has caught up, or a permit of the fall-back was free;
 * - `refused`: nothing may serve it.
 */
export type WaitOutcome = 'replica' | 'stale' | 'primary' | 'refused';

/**
 * A read waits: tracing channel `nestjs-replicated:wait`. One object for the whole wait, completed when it is over: at
 * `asyncEnd`, or at `end` when there was nothing to wait for.
 */
export interface WaitMessage extends ReplicationMessage {
  /** For a replica to replay the position of a token, or for a permit of the fall-back. */
  readonly for: 'replay' | 'permit';
  readonly reason: Reason;
  outcome?: WaitOutcome;
  /** `undefined` as long as it lasts. */
  waitedMs?: number;
}

// Shared by both builds of this package: Node keeps one channel per name. They ask `hasSubscribers` before they make a
// message.
export const ROUTES = channel('nestjs-replicated:route') as Channel;
export const RETRIES = channel('nestjs-replicated:retry') as Channel;
export const REFUSED_WRITES = channel('nestjs-replicated:refused-write') as Channel;
export const EVENTS = channel('nestjs-replicated:event') as Channel;
export const WAITS = tracingChannel('nestjs-replicated:wait') as unknown as WaitChannel;

/** As much of it as is used here: versions of Node's types differ in the parameters of `TracingChannel`. */
interface WaitChannel {
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  traceSync(run: () => void, message: WaitMessage): void;
  tracePromise(run: () => Promise<void>, message: WaitMessage): Promise<void>;
}

/** Runs a wait, which completes its message. */
export async function traceWait<T>(message: WaitMessage, wait: () => Promise<T>): Promise<T> {
  const waited: { answer?: T } = {};
  // What it answers is not for subscribers: a permit can be given back only once.
  await WAITS.tracePromise(async () => {
    waited.answer = await wait();
  }, message);
  return waited.answer as T;
}

/** Tells of a read that had its permit of the fall-back at once. */
export function traceNoWait(message: WaitMessage): void {
  WAITS.traceSync(() => undefined, Object.assign(message, { outcome: 'primary', waitedMs: 0 } as const));
}

/** Tells of a choice. */
export function publishRoute(
  route: Route,
  { cluster, work, waitedMs = 0 }: Pick<RouteMessage, 'cluster'> & RoutedQuery,
): void {
  const message: RouteMessage = { cluster, handler: work?.unit.handler, ...route, waitedMs };
  ROUTES.publish(message);
}

interface RoutedQuery {
  readonly work: { readonly unit: { readonly handler: string | undefined } } | undefined;
  readonly waitedMs?: number;
}
