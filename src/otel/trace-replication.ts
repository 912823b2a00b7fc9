import { trace, type Attributes, type Tracer } from '@opentelemetry/api';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  REFUSED_WRITES,
  RETRIES,
  ROUTES,
  WAITS,
  type RefusedWriteMessage,
  type RetryMessage,
  type RouteMessage,
  type WaitMessage,
} from '../cluster/metrics/channels.js';

type Handlers = readonly (readonly [
  channel: { readonly name: string | symbol },
  tell: (message: never) => void,
])[];

/** Puts waits, routes, retries and refused writes of a cluster into traces. */
export function traceReplication(tracer: Tracer, cluster: string): () => void {
  const handlers: Handlers = [
    [WAITS.asyncStart, (message: WaitMessage) => addWait(tracer, message)],
    [ROUTES, (message: RouteMessage) => trace.getActiveSpan()?.setAttributes(routeOf(message))],
    [RETRIES, (message: RetryMessage) => addEvent('retry', { ...routeOf(message), [KIND]: message.kind })],
    [
      REFUSED_WRITES,
      ({ statement }: RefusedWriteMessage) =>
        addEvent('refused_write', { [`${PREFIX}.statement`]: statement }),
    ],
  ];
  const subscriptions = handlers.map(([{ name }, tell]) => {
    const listener = (message: unknown): void => {
      if ((message as { readonly cluster: string }).cluster === cluster) tell(message as never);
    };
    subscribe(name, listener);
    return () => unsubscribe(name, listener);
  });
  return () => {
    for (const stop of subscriptions) stop();
  };
}

/** Over by now, in the context in which it was. */
function addWait(
  tracer: Tracer,
  { cluster, reason, outcome = 'refused', waitedMs = 0, ...wait }: WaitMessage,
): void {
  const attributes = {
    [`${PREFIX}.cluster`]: cluster,
    [`${PREFIX}.reason`]: reason,
    [`${PREFIX}.wait.for`]: wait.for,
    [`${PREFIX}.wait.outcome`]: outcome,
  };
  const endTime = Date.now();
  tracer.startSpan(`${PREFIX}.wait`, { attributes, startTime: endTime - waitedMs }).end(endTime);
}

function addEvent(name: string, attributes: Attributes): void {
  trace.getActiveSpan()?.addEvent(`${PREFIX}.${name}`, attributes);
}

function routeOf({ cluster, role, node, reason }: RouteMessage | RetryMessage): Attributes {
  return {
    [`${PREFIX}.cluster`]: cluster,
    [`${PREFIX}.role`]: role,
    [`${PREFIX}.node`]: node,
    [`${PREFIX}.reason`]: reason,
  };
}

const PREFIX = 'nestjs_replicated';
const KIND = `${PREFIX}.retry.kind`;
