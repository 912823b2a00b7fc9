import { markOf } from '../nest/handler-marks.js';
import type { ResolvedRouting } from '../options/resolved-options.js';
import { intentOfUnit, type HandlerMark } from '../routing/resolve-intent.js';
import type { RoutingRule } from '../routing/route-rules.js';
import type { Intent, IntentChoice } from '../routing/route.js';
import type { AuditedHandler, AuditedKind } from './audited-handler.js';
import type { FoundHandler } from './find-handlers.js';
import { covers, overlaps, parsePattern } from './route-pattern.js';

/** What of an application decides besides its handlers. */
export interface Surroundings {
  readonly routing: Pick<ResolvedRouting, 'readMethods' | 'rules'>;
  /** Path of the requests with operations of GraphQL. */
  readonly graphqlPath: string;
  /** Whether `ReplicatedGraphqlModule` is there. */
  readonly routesOperations: boolean;
  /** Whether `ReplicatedInterceptor` gives the handler a unit of work. */
  readonly isIntercepted: (found: FoundHandler) => boolean;
}

/** Judges handlers, and knows afterwards which rules were for none of them. */
export class HandlerJudge {
  private readonly used = new Set<RoutingRule>();

  constructor(private readonly around: Surroundings) {}

  judge(found: FoundHandler): AuditedHandler {
    const { kind, method, path, owner, handler, isReached } = found;
    const { rule, exceptions } = this.rulesFor(found);
    const marks = { handler: markOf(handler), controller: isReached ? markOf(owner) : undefined };
    const choice = intentOfUnit({ ...marks, rule, ...this.callOf(found) });
    return {
      kind,
      ...(method !== undefined && { method }),
      ...(path !== undefined && { path }),
      handler: `${owner.name}.${handler.name}`,
      intent: isOpen(found, choice) ? 'either' : choice.intent,
      reason: choice.reason,
      ...(exceptions.length > 0 && { exceptions }),
      problems: this.problemsOf(found, choice),
    };
  }

  /** Rules that match no route of those judged. */
  unusedRules(): readonly AuditedHandler[] {
    return this.around.routing.rules.flatMap((rule, index) => {
      if (this.used.has(rule)) return [];
      const method = methodsOf(rule)?.join(', ');
      return {
        kind: 'rule',
        ...(method !== undefined && { method }),
        path: rule.path,
        handler: `routing.rules[${index}]`,
        intent: rule.use,
        reason: 'rule',
        problems: ['It matches no route of a handler: correct its path or method, or remove it.'],
      };
    });
  }

  /** What the kind of call says. */
  private callOf({ kind, method = '' }: FoundHandler) {
    const { routing, routesOperations } = this.around;
    if (kind === 'http') return { isReadMethod: routing.readMethods.has(method) };
    const operation = OPERATIONS[kind];
    if (operation === undefined) return {};
    return routesOperations ? { operation } : { isReadMethod: routing.readMethods.has('POST') };
  }

  private rulesFor(found: FoundHandler): { readonly rule?: Intent; readonly exceptions: readonly string[] } {
    const request = this.requestOf(found);
    const exceptions: string[] = [];
    if (!request) return { exceptions };
    const route = parsePattern(request.path);
    for (const rule of this.around.routing.rules) {
      const pattern = parsePattern(rule.path);
      const methods = methodsOf(rule);
      // HEAD is answered by the handler of GET.
      const matches = (method: string) => !methods || methods.includes(method);
      const mayMatch =
        matches(request.method) || request.method === 'ALL' || (request.method === 'GET' && matches('HEAD'));
      if (!mayMatch || !overlaps(pattern, route)) continue;
      this.used.add(rule);
      if (matches(request.method) && covers(pattern, route)) return { rule: rule.use, exceptions };
      exceptions.push(`${methods ? `${methods.join(', ')} ` : ''}${rule.path}: ${rule.use}`);
    }
    return { exceptions };
  }

  /** What rules are held against. */
  private requestOf(found: FoundHandler): { readonly method: string; readonly path: string } | undefined {
    const { kind, method = '', path = '' } = found;
    if (kind === 'http') return { method, path };
    if (OPERATIONS[kind]) return { method: 'POST', path: this.around.graphqlPath };
    const isMessage = kind === 'message' || kind === 'event' || kind === 'gateway';
    return isMessage && this.around.isIntercepted(found) ? { method: 'ALL', path } : undefined;
  }

  private problemsOf({ kind, owner, handler, isReached }: FoundHandler, { reason }: IntentChoice): string[] {
    const own = markOf(handler);
    const ofClass = markOf(owner);
    const deciding = own && decides(own) ? own : isReached ? ofClass : undefined;
    const problems: string[] = [];
    if (deciding?.changesDatabase && deciding.useSlave) problems.push(BOTH);
    if (kind === 'mutation' && reason === 'use-slave') problems.push(SLAVE_OF_MUTATION);
    if (!isReached && ofClass && decides(ofClass)) problems.push(UNREACHED_METHOD);
    if (OPERATIONS[kind] && !this.around.routesOperations && reason === 'write-method')
      problems.push(NO_GRAPHQL);
    return problems;
  }
}

/** A class with decorators that concern none of its methods. */
export function judgeUnreached({ name }: { readonly name: string }): AuditedHandler {
  return {
    kind: 'method',
    handler: name,
    intent: 'either',
    reason: 'outside-unit',
    problems: [UNREACHED_CLASS],
  };
}

const OPERATIONS: Partial<Record<AuditedKind, 'query' | 'mutation' | 'subscription'>> = {
  query: 'query',
  mutation: 'mutation',
  subscription: 'subscription',
  field: 'query',
};

/** Whether the call decides, which is not known before. */
function isOpen({ kind, method }: FoundHandler, { reason }: IntentChoice): boolean {
  if (kind === 'field') return reason === 'read-operation';
  return method === 'ALL' && (reason === 'read-method' || reason === 'write-method');
}

function decides({ changesDatabase, useSlave }: HandlerMark): boolean {
  return Boolean(changesDatabase || useSlave);
}

function methodsOf({ method }: RoutingRule): readonly string[] | undefined {
  return method === undefined ? undefined : [method].flat();
}

const BOTH =
  '@ChangesDatabase() and @UseSlave() stand on the same target, where the first one wins: remove one.';
const SLAVE_OF_MUTATION =
  '@UseSlave() on a mutation: what it writes is refused. Remove it, or make the mutation a query.';
const UNREACHED_METHOD =
  'The decorator of its class does not reach it, since no other decorator makes it a handler: decorate the method.';
const UNREACHED_CLASS =
  'Its decorator concerns the handlers of a class, and it has none: decorate its methods, or use ConnectionSelector.';
const NO_GRAPHQL =
  'ReplicatedGraphqlModule is not imported, so that operations go where the HTTP method of their request says.';
