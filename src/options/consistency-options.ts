import { authorizationOf } from '../routing/client-affinity.js';
import type { ConsistencyLevel } from '../routing/resolve-intent.js';
import type { Carrier } from '../tokens/carrier.js';
import { describeKind, describeValue } from './describe-value.js';
import {
  duration,
  flag,
  hasFunctions,
  oneOf,
  section,
  text,
  unlessFalse,
  value,
  type Given,
  type Option,
  type Resolved,
} from './option.js';
import { isRecord, type Place } from './place.js';
import { HTTP_WORD } from './routing-options.js';

/** The part of a Keyv-compatible store that the store carrier uses. */
export interface TokenStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
}

/**
 * Answers something about a request, as Express or Fastify gives it. The type of a method, so that the function may name
 * that of its platform: `(request: Request) => request.user?.id`.
 */
export type AboutRequest<T> = { ask(request: unknown): T }['ask'];

/** Has a name so that the published typings keep that of {@link AboutRequest}: written out, it would be strict. */
interface AboutRequestOption<T, Off> extends Option<AboutRequest<T> | Off, AboutRequest<T> | undefined> {}

const key: AboutRequestOption<string | readonly string[] | undefined, never> = value(
  { is: isFunction, expected: "a function (request) => the client's key or keys" },
  undefined,
);

const affinity: AboutRequestOption<string | undefined, false> = unlessFalse(
  undefined,
  value({ is: isFunction, expected: 'false or a function (request) => string | undefined' }, authorizationOf),
);

function isFunction(given: unknown): boolean {
  return typeof given === 'function';
}

/** Attributes of the token's cookie. */
const COOKIE = {
  /** Prefix of the cookies' names. @default 'replication' */
  name: text(HTTP_WORD, "letters, digits and any of !#$%&'*+-.^_`|~", 'replication'),
  /** Path of the requests that carry it. @default '/' */
  path: text(/^\/[^;\s]*$/, "a path from '/' on", '/'),
  /** Domain whose hosts get it. @default none: the host that set it */
  domain: text(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i, "a domain like 'example.com'", undefined),
  /** Only over TLS. @default true, but on localhost */
  secure: flag('auto'),
  /** Whether requests from other sites carry it: `'Strict'`, `'Lax'` or `'None'`. @default 'Lax' */
  sameSite: oneOf(['Strict', 'Lax', 'None'], 'Lax'),
  /** CHIPS, for front ends of another site. @default false */
  partitioned: flag(false),
};

/** Settings of the store carrier. */
const STORE = {
  /** Keyv or anything like it. @default the memory of this process: right for one instance only */
  store: value<TokenStore | undefined>(
    {
      is: (store) => hasFunctions(store, 'get', 'set'),
      expected: 'a store with functions get(key) and set(key, value, ttlMs), such as a Keyv',
    },
    undefined,
  ),
  /** The client's key or keys; `undefined` as long as it is not known. */
  key,
  /** How long a request waits for the store, in ms. @default 100 */
  timeoutMs: duration(100),
};

/** Attributes of the token's cookie. */
export interface CookieOptions extends Given<typeof COOKIE> {}

/** The cookie's attributes, with the defaults filled in. `secure: 'auto'`: unless the host is localhost. */
export interface ResolvedCookie extends Resolved<typeof COOKIE> {}

/** Settings of the store carrier. */
export interface StoreOptions extends Given<typeof STORE, 'key'> {}

/** The store carrier's settings; `store` undefined: the memory of the process. */
export interface ResolvedStore extends Resolved<typeof STORE> {
  readonly key: StoreOptions['key'];
}

const cookie: Option<CookieOptions, ResolvedCookie> = section(COOKIE);

const store: Option<StoreOptions, ResolvedStore | undefined> = (place) => {
  const read = section(STORE, 'an object, as in { key: (request) => request.user?.id }');
  const { key, ...rest } = read(place);
  return key && Object.freeze({ ...rest, key });
};

type CarrierOption = 'cookie' | 'header' | 'store' | Carrier;

/** An empty list is legal: tokens then travel by the application's own code, with `token()` and `run({ token })`. */
const carriers: Option<readonly CarrierOption[], readonly CarrierOption[]> = (place) => {
  const items = place.items("['cookie', 'header']");
  if (items === undefined) return Object.freeze(['cookie'] as const);
  const names = new Set<string>();
  for (const item of items) {
    const name = nameOf(item.value);
    if (name === undefined) item.report(`expected ${A_CARRIER}, got ${describeValue(item.value)}.`);
    else if (names.has(name)) item.report(`'${name}' is listed twice.`);
    else names.add(name);
  }
  return Object.freeze(items.map((item) => item.value as CarrierOption));
};

const A_CARRIER = "'cookie', 'header', 'store' or an object with a name and a function read(exchange)";

/** `undefined`: it is no carrier. */
function nameOf(carrier: unknown): string | undefined {
  if (carrier === 'cookie' || carrier === 'header' || carrier === 'store') return carrier;
  const name = isRecord(carrier) && hasFunctions(carrier, 'read') ? carrier['name'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** An undefined secret is none; an empty one is an environment variable that was forgotten. */
const secret: Option<string | readonly string[], readonly string[]> = (place) => {
  if (place.value === undefined) return Object.freeze([]);
  const secrets = Array.isArray(place.value) ? (place.items('') ?? []) : [place];
  if (secrets.length === 0) place.report('the list is empty. For tokens that are not sealed, leave it out.');
  for (const each of secrets) {
    const weakness = describeWeakness(each.value);
    if (weakness !== undefined)
      each.report(`expected a string of at least ${SHORTEST_SECRET} characters, got ${weakness}`);
  }
  return Object.freeze(secrets.map(({ value }) => String(value)));
};

const SHORTEST_SECRET = 16;

/** Says what is wrong without the secret itself. */
function describeWeakness(secret: unknown): string | undefined {
  if (secret === undefined || secret === '') return 'undefined: is the environment variable set?';
  if (typeof secret !== 'string') return `${describeKind(secret)}.`;
  if (secret.length >= SHORTEST_SECRET) return undefined;
  return `${secret.length}. Generate one: openssl rand -base64 32.`;
}

/** Read your own writes. */
export const CONSISTENCY = {
  /** `'session'`: own writes are seen; `'eventual'`: no tokens; `'primary'`: clients with a token read the primary. @default 'session' */
  level: oneOf<ConsistencyLevel, ConsistencyLevel>(['session', 'eventual', 'primary'], 'session'),
  /** How tokens travel: any of `'cookie'`, `'header'`, `'store'`, or a `Carrier`. @default ['cookie'] */
  carriers,
  /** Attributes of the token's cookie. */
  cookie,
  /** Settings of the store carrier. */
  store,
  /** Seals tokens; a list: the first seals, all open. At least 16 characters each. @default none: plain tokens */
  secret,
  /**
   * How long a read may wait for a replica before it goes to the primary, in ms; up to ten times that more while all
   * connections to the primary are in use. @default 20
   */
  maxWaitMs: duration(20, 0),
  /** Where lag is not known: primary for that long after a write without a position, in ms. @default 3000 */
  pinMs: duration(3_000),
  /** Life of a token, in ms; at least `monitor.hardMaxLagMs` + `monitor.intervalMs` + 5000. @default 120000 */
  maxAgeMs: duration(120_000),
  /** A client's reads never go back in time: exact with header and store, by affinity with cookies only. @default true */
  monotonicReads: flag(true),
  /**
   * Share of the reads let through by a token, from 0 to 1, that ask the very connection for its position first: one query more
   * for each of them. One found behind is served elsewhere, and told by the event `guaranteeBroken`. @default 0
   */
  verify: value<number>(
    {
      is: (given) => typeof given === 'number' && given >= 0 && given <= 1,
      expected: 'a number from 0 to 1',
      fix: (given) => (Number(given) > 1 ? 'For one read of a hundred, write 0.01.' : undefined),
    },
    0,
  ),
  /** Clients with the same key keep their replica; `false`, or where it fails: none. @default the Authorization header */
  affinity,
};

/** `secrets`: the first seals; empty: plain tokens. `affinity` undefined: none. */
export function resolveConsistency(place: Place) {
  const { secret: secrets, ...consistency } = section(CONSISTENCY)(place);
  return Object.freeze({ ...consistency, secrets });
}
