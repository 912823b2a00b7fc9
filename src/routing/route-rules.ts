import type { Intent } from './route.js';

/** A rule for handlers that cannot be decorated; the first match wins. */
export interface RoutingRule {
  /** HTTP method or methods; default: all. */
  readonly method?: string | readonly string[];
  /**
   * Path of the request as clients send it, with global prefix and version, without the query: `/health`, `/users/:id`,
   * `/admin/*rest`. `:id` is one segment, `*rest` one or more; case counts, a slash at the end does not.
   */
  readonly path: string;
  readonly use: 'primary' | 'replica';
}

/** What `routing.rules` say about a request; `undefined`: nothing. `path` may carry a query string, which is ignored. */
export type RuleMatcher = (method: string, path: string) => Intent | undefined;

interface CompiledRule {
  /** Upper case; `undefined`: all. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly path: RegExp;
  readonly use: Intent;
}

/**
 * Compiles rules whose paths have passed {@link checkRulePath}; `undefined`: there are none. The first rule that matches wins. Paths are
 * case-sensitive, a slash at their end is ignored, `:id` stands for one segment and `*rest` for one or more. Whatever
 * need not be percent-encoded is the same with and without: Fastify takes `/%61dmin` to the handler of `/admin`.
 */
export function compileRouteRules(rules: readonly RoutingRule[]): RuleMatcher | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map(compileRule);
  return (method, path) => {
    const pathname = decoded(withoutQuery(path));
    return compiled.find((rule) => hasMethod(rule, method) && rule.path.test(pathname))?.use;
  };
}

/**
 * Says what is wrong with the path of a rule, and what to write instead; `undefined`: nothing.
 *
 * ```ts
 * checkRulePath('/admin/*'); // 'the splat needs a name: write "/admin/*rest"'
 * ```
 */
export function checkRulePath(path: string): string | undefined {
  if (!path.startsWith('/')) return `must start with "/": write "/${path}"`;
  const segments = segmentsOf(path);
  for (const [index, segment] of segments.entries()) {
    const problem = checkSegment(segment, index === segments.length - 1, path);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkSegment(segment: string, isLast: boolean, path: string): string | undefined {
  if (segment === '') return `"${path}" has an empty segment: remove the doubled "/"`;
  if (segment === '*') return `the splat needs a name: write "${path.replace(/\*\/?$/, '*rest')}"`;
  if (segment === ':') return `a ":" in "${path}" needs a name: write ":id"`;
  if (segment.startsWith('*') && !isLast) return `"${segment}" must be the last segment of "${path}"`;
  if (PLACEHOLDER.test(segment) || LITERAL.test(segment)) return undefined;
  return `"${segment}" in "${path}" is not understood: a segment is plain text, ":name" or, at the end, "*name"`;
}

const PLACEHOLDER = /^[:*][A-Za-z_]\w*$/;
// Characters that mean something in the patterns of Express or Fastify must not be taken for text by surprise.
const LITERAL = /^[^:*?#+(){}[\]!\\\s]+$/;

function compileRule({ method, path, use }: RoutingRule): CompiledRule {
  return { methods: compileMethods(method), path: compilePath(path), use };
}

function compileMethods(method: RoutingRule['method']): ReadonlySet<string> | undefined {
  if (method === undefined) return undefined;
  const names = typeof method === 'string' ? [method] : method;
  return new Set(names.map((name) => name.toUpperCase()));
}

function compilePath(path: string): RegExp {
  return new RegExp(`^${segmentsOf(decoded(path)).map(compileSegment).join('')}/?$`);
}

function compileSegment(segment: string): string {
  if (!PLACEHOLDER.test(segment)) return `/${segment.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')}`;
  return segment.startsWith('*') ? '/[^/].*' : '/[^/]+';
}

/** The parts between the slashes; none for the root. */
function segmentsOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).replace(/\/$/, '').split('/');
}

function hasMethod({ methods }: CompiledRule, method: string): boolean {
  // Express and Fastify answer HEAD with the handler of GET.
  return !methods || methods.has(method) || (method === 'HEAD' && methods.has('GET'));
}

/** A path that is not well encoded stays as it is. An encoded slash stays encoded: it separates nothing. */
function decoded(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function withoutQuery(path: string): string {
  const end = path.indexOf('?');
  return end < 0 ? path : path.slice(0, end);
}
