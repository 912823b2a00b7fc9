import type { Balancer } from '../routing/balancers/balancer.js';
import { BALANCERS, type BalancerName } from '../routing/balancers/create-balancer.js';
import { checkRulePath, type RoutingRule } from '../routing/route-rules.js';
import { zone } from './cluster-options.js';
import { describeKind, describeValue } from './describe-value.js';
import {
  describeEnvironment,
  flag,
  hasFunctions,
  integer,
  list,
  needed,
  oneOf,
  section,
  seenAs,
  unlessFalse,
  value,
  type Option,
} from './option.js';
import { Findings } from './findings.js';
import { isRecord, Place } from './place.js';

/** What of the nodes the defaults depend on. */
export interface RoutedNodes {
  readonly hasReplicas: boolean;
  readonly primaryPool: PoolSize;
}

/** Which requests read a replica, and what happens when they cannot. */
export const routingOptions = ({ hasReplicas, primaryPool }: RoutedNodes) => ({
  /** `'observe'`: all to the primary, but count and report what would have moved; `'primary-only'`: kill switch. @default 'route' */
  mode: oneOf(MODES, 'route'),
  /** HTTP methods with replica intent. @default ['GET', 'HEAD'] */
  readMethods: seenAs(METHODS, (methods): ReadonlySet<string> => new Set(methods)),
  /** A write under replica intent: refuse it, or with `'promote'` send it and the rest of the unit to the primary. @default 'reject' */
  onReplicaWrite: oneOf(['reject', 'promote'], hasReplicas ? 'reject' : 'off'),
  /**
   * Reads of replica intent that the primary serves at a time when no replica can; `false`: none.
   * @default { maxConcurrent: half of the primary's pool }
   */
  primaryFallback: unlessFalse(0, primaryFallback(primaryPool)),
  /** Routes by path, `{ method?, path, use }`, for handlers that cannot be decorated; the first match wins. @default [] */
  rules: list(RULE, [], `[${RULE_EXAMPLE}]`),
  /** Which of the replicas that may serve a read does: `'least-busy'`, `'round-robin'`, `'random'`, or a `Balancer`. @default 'least-busy' */
  balancing: value<BalancerName | Balancer>(
    {
      is: (given) => BALANCING.some((name) => name === given) || hasFunctions(given, 'pick'),
      expected: `${BALANCING.map((name) => `'${name}'`).join(', ')} or an object with a function pick(candidates)`,
    },
    'least-busy',
  ),
  /** Where this process is: replicas of the same `zone` serve its reads, others when none of it may. @default none */
  zone,
  /**
   * What ends when the client of an HTTP request goes away. `'streams'`: streams of rows, once nothing was asked of them for
   * 2 s; `true`: the queries of that request that run on replicas as well, at once; `false`: nothing. @default 'streams'
   */
  cancelAbandoned: value<'streams' | boolean>(
    {
      is: (given) => given === 'streams' || typeof given === 'boolean',
      expected: "'streams', true or false",
    },
    'streams',
  ),
  /**
   * Share of the clients, from 0 to 1, whose reads may use replicas; those of all others stay on the primary, as with mode
   * `'primary-only'`. A client with a key (`consistency.affinity`) stays on its side. @default 1
   */
  share: share(1),
  /**
   * Answers `{ mode?, share? }`, as a flag or a key of yours has them for all instances. Asked every `monitor.intervalMs`; what
   * it leaves out is as the options say. @default none
   */
  control,
  /** Adds `Replication-Route: replica-1; reason=read-method` to responses, all routes of the request. For development. @default false */
  explainHeader: flag(false),
  /** Adds handler and reason of its intent to each statement of the application, as a comment (sqlcommenter), for the server's log and `pg_stat_activity`. @default false */
  comment: flag(false),
});

/** `primaryFallbackMax`: 0 is no fall-back. `onReplicaWrite: 'off'`: no replicas, and the user did not ask for the guard. */
export function resolveRouting(place: Place, nodes: RoutedNodes) {
  const { primaryFallback: primaryFallbackMax, ...routing } = section(routingOptions(nodes))(place);
  return Object.freeze({ ...routing, primaryFallbackMax });
}

const BALANCING = Object.keys(BALANCERS);

export const MODES = ['route', 'observe', 'primary-only'] as const;

/** What `routing.control` answers: for now and all instances. */
export interface RoutingSettings {
  readonly mode?: (typeof MODES)[number] | undefined;
  readonly share?: number | undefined;
}

/** The type of a method, so that what it answers may come from anywhere. `signal`: the answer is not waited for any more. */
export type RoutingControl = {
  ask(signal: AbortSignal): RoutingSettings | Promise<RoutingSettings>;
}['ask'];

/** Has a name so that the published typings keep that of {@link RoutingControl}: written out, it would be strict. */
interface RoutingControlOption extends Option<RoutingControl, RoutingControl | undefined> {}

const control: RoutingControlOption = value(
  { is: (given) => typeof given === 'function', expected: 'a function () => ({ mode, share })' },
  undefined,
);

function share<Preset>(preset: Preset): Option<number, number | Preset> {
  const fix = (given: unknown) => describeEnvironment(given) ?? (Number(given) > 1 ? IN_PER_CENT : undefined);
  return value({ is: isShare, expected: A_SHARE, fix }, preset);
}

export function isShare(given: unknown): boolean {
  return typeof given === 'number' && given >= 0 && given <= 1;
}

export const A_SHARE = 'a number from 0 to 1';

const IN_PER_CENT = 'For 5 %, write 0.05.';

const SETTINGS = section(
  { mode: oneOf(MODES, undefined), share: share(undefined) },
  "an object, as in { mode: 'route', share: 0.05 }",
);

/**
 * Checks what `routing.control` has answered.
 *
 * @throws {@link InvalidOptionsError}
 */
export function readSettings(answer: unknown): RoutingSettings {
  const findings = new Findings();
  // Nothing at all is a `return` that was forgotten.
  const settings = SETTINGS(new Place('routing.control()', answer ?? null, findings));
  findings.end();
  return settings;
}

/** RFC 9110's token: names of methods, header fields and cookies. */
export const HTTP_WORD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** An HTTP method, in upper case. */
const METHOD: Option<string, string | undefined> = (place) => {
  const given = place.value;
  const method = typeof given === 'string' && HTTP_WORD.test(given) ? given.toUpperCase() : undefined;
  if (method === undefined) place.report(`expected an HTTP method like 'GET', got ${describeValue(given)}.`);
  if (method !== '*' && method !== 'ALL') return method;
  place.report(`expected an HTTP method, got '${method}'. A request never has it: name the methods.`);
  return undefined;
};

/** An empty list is legal: then only decorators, rules and code choose replicas. */
const METHODS = list(METHOD, ['GET', 'HEAD'], "['GET', 'HEAD']");

const RULE_EXAMPLE = "{ path: '/health', use: 'primary' }";

const RULE_MEMBERS = section({
  method: (place: Place) => {
    if (place.value === undefined || Array.isArray(place.value)) return place.value && METHODS(place);
    return Object.freeze([METHOD(place)].filter((method) => method !== undefined));
  },
  path: (place: Place) => {
    const path = RULE_PATH(place);
    const problem = checkRulePath(path);
    if (problem !== undefined) place.report(`${problem}.`);
    return path;
  },
  use: needed<RoutingRule['use']>(
    { is: (use) => use === 'primary' || use === 'replica', expected: "'primary' or 'replica'" },
    'primary',
  ),
});

const RULE_PATH = needed<string>(
  {
    is: (path) => typeof path === 'string' && /^\/[^?#]*$/.test(path),
    expected: "a request's path, from '/' on, without its query",
  },
  '/',
);

const RULE: Option<RoutingRule, RoutingRule | undefined> = (place) => {
  if (isRecord(place.value)) {
    const { method, ...rule } = RULE_MEMBERS(place);
    return Object.freeze({ ...rule, ...(method && { method }) });
  }
  place.report(`expected an object, as in ${RULE_EXAMPLE}, got ${describeKind(place.value)}.`);
  return undefined;
};

function primaryFallback(pool: PoolSize): Option<{ readonly maxConcurrent?: number }, number> {
  const half = Math.max(1, Math.floor(pool.size / 2));
  const read = integer(half, { min: 1, fix: 'For no fall-back, write primaryFallback: false.' });
  const maxConcurrent: Option<number, number> = (place) => {
    const max = read(place);
    if (max === place.value && max >= pool.size) place.report(describeStarvation(max, pool));
    return max;
  };
  const members = section({ maxConcurrent }, 'false or an object, as in { maxConcurrent: 5 }');
  return seenAs(members, (primaryFallback) => primaryFallback.maxConcurrent);
}

function describeStarvation(max: number, { size, path }: PoolSize): string {
  const fix =
    size > 1
      ? `Give ${size - 1} or less, or raise ${path}`
      : `Write primaryFallback: false, or raise ${path}`;
  return `${max} is no less than the primary's pool (${size}): writes would wait behind reads. ${fix}.`;
}

/** How many connections a pool may open, and where that can be changed. */
export interface PoolSize {
  readonly size: number;
  readonly path: string;
}

/** The drivers' own. */
const DEFAULT_SIZE = 10;

/** The size of the primary's pool, in the drivers' order: `extra` wins over `poolSize`, the node over the shared. */
export function readPoolSize(
  primary: Place,
  root: Place,
  { poolSizeInExtra }: { readonly poolSizeInExtra: string },
): PoolSize {
  const places = [primary, root].flatMap((place) => [
    place.at('extra').at(poolSizeInExtra),
    place.at('poolSize'),
  ]);
  const place = places.find(({ value }) => value !== undefined) ?? primary.at('poolSize');
  const { path, value = DEFAULT_SIZE } = place;
  if (typeof value === 'number' && value >= 1 && Number.isFinite(value)) return { size: value, path };
  place.report(`expected a number of connections, 1 or more, got ${describeValue(value)}.`);
  return { size: DEFAULT_SIZE, path };
}
