import { BALANCERS } from '../routing/balancers/create-balancer.js';
import { checkRulePath } from '../routing/route-rules.js';
import { describeKind } from './describe-value.js';
import type { Findings } from './findings.js';
import type { RoutingRule } from '../routing/route-rules.js';
import { readMethod, readMethods } from './read-method.js';
import type { PoolSize } from './read-pool-size.js';
import { resolvePrimaryFallback } from './resolve-primary-fallback.js';
import type { ResolvedRouting } from './resolved-options.js';
import { Section, hasFunctions, isRecord } from './section.js';

const RULE_EXAMPLE = "{ path: '/health', use: 'primary' }";
const BALANCING = Object.keys(BALANCERS);

/** What of the nodes the routing's defaults depend on. */
export interface RoutedNodes {
  readonly hasReplicas: boolean;
  readonly primaryPool: PoolSize;
}

export function resolveRouting(routing: Section, nodes: RoutedNodes): ResolvedRouting {
  return Object.freeze({
    mode: routing.oneOf('mode', ['route', 'observe', 'primary-only'], 'route'),
    readMethods: readReadMethods(routing),
    onReplicaWrite: routing.oneOf(
      'onReplicaWrite',
      ['reject', 'promote'],
      nodes.hasReplicas ? 'reject' : 'off',
    ),
    primaryFallbackMax: resolvePrimaryFallback(routing, nodes.primaryPool),
    rules: readRules(routing),
    balancing: readBalancing(routing),
    explainHeader: routing.boolean('explainHeader', false),
  });
}

/** An empty list is legal: then only decorators, rules and code choose replicas. */
function readReadMethods(routing: Section): ReadonlySet<string> {
  const methods = routing.list('readMethods', "['GET', 'HEAD']") ?? ['GET', 'HEAD'];
  return new Set(readMethods(methods, routing.pathOf('readMethods'), routing.findings));
}

function readBalancing(routing: Section): ResolvedRouting['balancing'] {
  return routing.checked<ResolvedRouting['balancing']>('balancing', 'least-busy', {
    is: (value) => BALANCING.some((name) => name === value) || hasFunctions(value, 'pick'),
    expected: `${BALANCING.map((name) => `'${name}'`).join(', ')} or an object with a function pick(candidates)`,
  });
}

function readRules(routing: Section): readonly RoutingRule[] {
  const rules = routing.list('rules', `[${RULE_EXAMPLE}]`) ?? [];
  const path = routing.pathOf('rules');
  return Object.freeze(rules.flatMap((rule, index) => readRule(rule, `${path}[${index}]`, routing.findings)));
}

function readRule(value: unknown, path: string, findings: Findings): RoutingRule | [] {
  if (!isRecord(value)) {
    findings.add(path, `expected an object, as in ${RULE_EXAMPLE}, got ${describeKind(value)}.`);
    return [];
  }
  const rule = Section.closed(path, value, findings);
  const method = readRuleMethods(rule);
  return Object.freeze({
    ...(method && { method }),
    path: readRulePath(rule),
    use: rule.required('use', 'primary', { is: isUse, expected: "'primary' or 'replica'" }),
  });
}

function readRulePath(rule: Section): string {
  const path = rule.required('path', '/', {
    is: isPath,
    expected: "a request's path, from '/' on, without its query",
  });
  const problem = checkRulePath(path);
  if (problem !== undefined) rule.refuse('path', `${problem}.`);
  return path;
}

function readRuleMethods(rule: Section): readonly string[] | undefined {
  const value = rule.raw('method');
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return Object.freeze(readMethods(value, rule.pathOf('method'), rule.findings));
  return Object.freeze(
    [readMethod(value, rule.pathOf('method'), rule.findings)].filter((method) => method !== undefined),
  );
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^?#]*$/.test(value);
}

function isUse(value: unknown): boolean {
  return value === 'primary' || value === 'replica';
}
