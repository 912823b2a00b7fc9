import { describeKind } from './describe-value.js';
import { readCarriers } from './read-carriers.js';
import { resolveCookie } from './resolve-cookie.js';
import { LONGEST_TIMER_MS } from './resolve-monitor.js';
import type { ResolvedConsistency, ResolvedStore } from './resolved-options.js';
import { hasFunctions, isRecord, type Section } from './section.js';

const SHORTEST_SECRET = 16;

export function resolveConsistency(consistency: Section): ResolvedConsistency {
  const ms = (key: string, fallback: number, min: number) =>
    consistency.integer(key, { fallback, min, max: LONGEST_TIMER_MS });
  return Object.freeze({
    level: consistency.oneOf('level', ['session', 'eventual', 'primary'], 'session'),
    carriers: readCarriers(consistency),
    cookie: resolveCookie(consistency.section('cookie')),
    store: readStore(consistency),
    secrets: readSecrets(consistency),
    maxWaitMs: ms('maxWaitMs', 20, 0),
    pinMs: ms('pinMs', 3_000, 1),
    maxAgeMs: ms('maxAgeMs', 120_000, 1),
    monotonicReads: consistency.boolean('monotonicReads', true),
    affinity: readAffinity(consistency),
  });
}

function readStore(consistency: Section): ResolvedStore | undefined {
  const store = consistency.section('store', 'an object, as in { key: (request) => request.user?.id }');
  const resolved = {
    store: store.checked<ResolvedStore['store']>('store', undefined, {
      is: (value) => hasFunctions(value, 'get', 'set'),
      expected: 'a store with functions get(key) and set(key, value, ttlMs), such as a Keyv',
    }),
    key: store.checked<ResolvedStore['key'] | undefined>('key', undefined, {
      is: (value) => typeof value === 'function',
      expected: "a function (request) => the client's key or keys",
    }),
    timeoutMs: store.integer('timeoutMs', { fallback: 100, min: 1, max: LONGEST_TIMER_MS }),
  };
  return resolved.key && Object.freeze({ ...resolved, key: resolved.key });
}

/** An undefined secret is none; an empty one is an environment variable that was forgotten. */
function readSecrets(consistency: Section): readonly string[] {
  const value = consistency.raw('secret');
  if (value === undefined) return Object.freeze([]);
  if (Array.isArray(value) && value.length === 0)
    consistency.refuse('secret', 'the list is empty. For tokens that are not sealed, leave it out.');
  const secrets: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const [index, secret] of secrets.entries()) {
    const wrong = describeWeakness(secret);
    if (wrong) consistency.refuse(Array.isArray(value) ? `secret[${index}]` : 'secret', wrong);
  }
  return Object.freeze(secrets.map(String));
}

/** Says what is wrong without the secret itself. */
function describeWeakness(secret: unknown): string | undefined {
  const expected = `expected a string of at least ${SHORTEST_SECRET} characters`;
  if (secret === undefined || secret === '')
    return `${expected}, got ${describeKind(secret || undefined)}: is the environment variable set?`;
  if (typeof secret !== 'string') return `${expected}, got ${describeKind(secret)}.`;
  if (secret.length >= SHORTEST_SECRET) return undefined;
  return `${expected}, got ${secret.length}. Generate one: openssl rand -base64 32.`;
}

function readAffinity(consistency: Section): ResolvedConsistency['affinity'] {
  if (consistency.raw('affinity') === false) return undefined;
  return consistency.checked('affinity', authorizationOf, {
    is: (value) => typeof value === 'function',
    expected: 'false or a function (request) => string | undefined',
  });
}

function authorizationOf(request: unknown): string | undefined {
  const headers = isRecord(request) ? request['headers'] : undefined;
  const authorization = isRecord(headers) ? headers['authorization'] : undefined;
  return typeof authorization === 'string' ? authorization : undefined;
}
