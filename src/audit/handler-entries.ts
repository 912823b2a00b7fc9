import { markOf } from '../nest/handler-marks.js';
import type { AuditedKind } from './audited-handler.js';

/** By what a handler is called. */
export interface Entry {
  readonly kind: AuditedKind;
  readonly method?: string;
  readonly path?: string;
}

type Named = object & { readonly name: string };
type Reader = (method: Named, owner: object) => readonly Entry[];

/** What calls a method besides HTTP; a decorated one that nothing calls is called by code. */
export function entriesOf(method: Named, owner: object): readonly Entry[] {
  const entries = READERS.flatMap((reader) => reader(method, owner));
  if (entries.length > 0 || isRoute(method) || !markOf(method)) return entries;
  return [{ kind: 'method' }];
}

// The keys are those of the packages, whose paths are not part of their public interface, and which need not be there.
const RESOLVERS = { Query: 'query', Mutation: 'mutation', Subscription: 'subscription' } as const;
const SCHEDULERS = ['cron', 'timeout', 'interval'] as const;

const resolvers: Reader = (method, owner) => {
  const type = read<keyof typeof RESOLVERS>('graphql:resolver_type', method);
  const name = read<string>('graphql:resolver_name', method) ?? method.name;
  if (type !== undefined && type in RESOLVERS) return [{ kind: RESOLVERS[type], path: `${type}.${name}` }];
  const isField =
    read<boolean>('graphql:resolve_property', method) ?? read('graphql:resolve_reference', method);
  if (!isField) return [];
  return [{ kind: 'field', path: `${read<string>('graphql:resolver_name', owner) ?? 'Object'}.${name}` }];
};

const messages: Reader = (method) => {
  const patterns = read<readonly unknown[]>('microservices:pattern', method) ?? [];
  const kind = read<number>('microservices:handler_type', method) === EVENT ? 'event' : 'message';
  return [patterns].flat().map((pattern) => ({ kind, path: textOf(pattern) }));
};
const EVENT = 2;

const gateways: Reader = (method) =>
  read<boolean>('websockets:message_mapping', method)
    ? [{ kind: 'gateway', path: textOf(read('message', method)) }]
    : [];

const schedules: Reader = (method) => {
  const kind = SCHEDULERS[(read<number>('SCHEDULER_TYPE', method) ?? 0) - 1];
  if (kind === undefined) return [];
  const options = read<{ cronTime?: unknown; timeout?: number }>(
    `SCHEDULE_${kind.toUpperCase()}_OPTIONS`,
    method,
  );
  return [{ kind, path: kind === 'cron' ? textOf(options?.cronTime) : `${options?.timeout} ms` }];
};

/** Of BullMQ, whose classes have one method for all jobs, and of Bull. */
const jobs: Reader = (method, owner) => {
  const queue = read<{ name?: string }>('bullmq:processor_metadata', owner);
  if (queue && method.name === 'process') return [{ kind: 'job', path: textOf(queue.name) }];
  const named = read<{ name?: string }>('bull:module_queue_process', method);
  return named
    ? [{ kind: 'job', path: textOf(named.name ?? read<{ name?: string }>('bull:module_queue', owner)?.name) }]
    : [];
};

const listeners: Reader = (method) => {
  const events = read<readonly { event?: unknown }[]>('EVENT_LISTENER_METADATA', method) ?? [];
  const ofQueues = ['bullmq:worker_events_metadata', 'bullmq:queue_events_metadata'].flatMap(
    (key) => read<{ eventName?: string }>(key, method)?.eventName ?? [],
  );
  const names = [...[events].flat().map(({ event }) => event), ...ofQueues];
  return names.map((name) => ({ kind: 'listener', path: textOf(name) }));
};

const READERS: readonly Reader[] = [resolvers, messages, gateways, schedules, jobs, listeners];

function isRoute(method: object): boolean {
  return Reflect.hasMetadata('path', method) && Reflect.hasMetadata('method', method);
}

function read<T>(key: string, target: object): T | undefined {
  return Reflect.getMetadata(key, target) as T | undefined;
}

/** Patterns may be objects, names of events symbols, schedules dates. */
function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return String(value);
}
