import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import { getClusterToken } from '../nest/injection.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import type { AuditedHandler, AuditedKind } from './audited-handler.js';
import { findHandlers, type FoundHandler } from './find-handlers.js';
import { HandlerJudge, judgeUnreached, type Surroundings } from './judge-handler.js';

/** Options of {@link auditHandlers}. */
export interface AuditOptions {
  /** Name of the cluster whose rules and methods count. @default 'default' */
  readonly cluster?: string;
}

/**
 * All handlers of an application, where each one's queries go, why, and what is wrong: routes, resolvers, messages, gateways,
 * schedules and jobs, found by metadata. Nothing is called, and no server is asked. Always in the same order, so that a
 * snapshot shows in a pull request which handlers have moved.
 *
 * ```ts
 * expect(auditHandlers(app)).toMatchSnapshot();
 * ```
 */
export function auditHandlers(
  app: INestApplicationContext,
  { cluster = DEFAULT_CLUSTER }: AuditOptions = {},
): readonly AuditedHandler[] {
  const modules = app.get(ModulesContainer, { strict: false });
  const config = app.get(ApplicationConfig, { strict: false });
  const { routing } = app.get<ReplicationCluster>(getClusterToken(cluster), { strict: false });
  const { handlers, unreached } = findHandlers(modules, config);
  const judge = new HandlerJudge({ routing, ...surroundingsOf(modules, config) });
  const judged = handlers.map((found) => judge.judge(found));
  return [...judged, ...judge.unusedRules(), ...unreached.map(judgeUnreached)].toSorted(byPlace);
}

function surroundingsOf(modules: ModulesContainer, config: ApplicationConfig): Omit<Surroundings, 'routing'> {
  const all = [...modules.values()];
  const graphql = all.flatMap(({ providers }) => providers.get('GqlModuleOptions')?.instance ?? []);
  const [{ path = '/graphql', useGlobalPrefix = false } = {}] = graphql as readonly GraphqlOptions[];
  const globals = [
    ...config.getGlobalInterceptors(),
    ...config.getGlobalRequestInterceptors().map(({ metatype }) => metatype),
  ];
  return {
    graphqlPath: useGlobalPrefix ? `${config.getGlobalPrefix()}/${path}` : path,
    // Of either build of this package.
    routesOperations: all.some(({ metatype }) => metatype?.name === 'ReplicatedGraphqlModule'),
    isIntercepted: ({ owner, handler }: FoundHandler) =>
      [...globals, ...interceptorsOf(owner), ...interceptorsOf(handler)].some(isOurs),
  };
}

interface GraphqlOptions {
  readonly path?: string;
  readonly useGlobalPrefix?: boolean;
}

function interceptorsOf(target: object): readonly unknown[] {
  return (Reflect.getMetadata('__interceptors__', target) as readonly unknown[] | undefined) ?? [];
}

/** A class, or an instance. */
function isOurs(interceptor: unknown): boolean {
  const named = typeof interceptor === 'function' ? interceptor : (interceptor as object | null)?.constructor;
  return named?.name === 'ReplicatedInterceptor';
}

const KINDS = Object.keys({
  http: true,
  query: true,
  mutation: true,
  subscription: true,
  field: true,
  message: true,
  event: true,
  gateway: true,
  cron: true,
  interval: true,
  timeout: true,
  job: true,
  listener: true,
  method: true,
  rule: true,
} satisfies Record<AuditedKind, true>);

function byPlace(a: AuditedHandler, b: AuditedHandler): number {
  const [first, second] = [a, b].map(({ kind, path = '', method = '', handler }) => [
    path,
    method,
    handler,
    kind,
  ]);
  const byKind = KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  if (byKind !== 0) return byKind;
  for (const [index, text] of (first ?? []).entries()) {
    const other = second?.[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
