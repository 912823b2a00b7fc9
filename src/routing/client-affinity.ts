import type { Candidate } from './node-snapshot.js';
import { onRejection } from './on-rejection.js';

/** The key by which a client keeps its replica, asked of the application. Where that fails, the client has none. */
export class ClientAffinity {
  /** `ask`: `consistency.affinity`; `onFailed`: told of every failure. */
  constructor(
    private readonly ask: (request: unknown) => unknown,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  keyOf(exchange: { readonly platformRequest: unknown } | undefined): string | undefined {
    if (!exchange) return undefined;
    try {
      const answer = this.ask(exchange.platformRequest);
      return answer === undefined ? undefined : readKey(answer);
    } catch (error) {
      this.onFailed(error);
      return undefined;
    }
  }
}

/** The default of `consistency.affinity`. */
export function authorizationOf(request: unknown): string | undefined {
  const { headers } = (request ?? {}) as { readonly headers?: { readonly authorization?: unknown } };
  return typeof headers?.authorization === 'string' ? headers.authorization : undefined;
}

/** It may be null, or a number. Objects without a text of their own are all alike: all clients would keep one replica. */
function readKey(answer: unknown): string | undefined {
  if (answer === null || answer === '') return undefined;
  onRejection(answer, () => undefined);
  const key = String(answer);
  if (!key.startsWith('[object ')) return key;
  throw new TypeError(`it has answered ${key}, not a string or undefined.`);
}

/**
 * The replica that a client with this key keeps, by weighted rendezvous hashing: when a replica leaves, only its own
 * clients move, and when it returns, only they come back. The same in every process.
 */
export function preferByKey<C extends Candidate>(key: string, candidates: readonly [C, ...C[]]): C {
  if (candidates.length === 1) return candidates[0];
  const seed = hash(key, FNV_OFFSET);
  let [preferred] = candidates;
  let highest = -1;
  for (const candidate of candidates) {
    const score = scoreOf(seed, candidate);
    if (score <= highest) continue;
    preferred = candidate;
    highest = score;
  }
  return preferred;
}

/**
 * The number, from 0 to below 1, by which a client with this key is inside a share (`routing.share`) that is greater. The same
 * in every process, cluster and version, and documented in docs/rollout.md: it must not change.
 */
export function lotOf(key: string): number {
  return finish(hash(`share:${key}`, FNV_OFFSET)) / 2 ** 32;
}

/** Higher with weight, such that each candidate wins in proportion to its own. */
function scoreOf(seed: number, { name, weight }: Candidate): number {
  const uniform = (finish(hash(name, seed)) + 0.5) / 2 ** 32;
  return weight / -Math.log(uniform);
}

/** FNV-1a. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), FNV_PRIME);
  }
  return value;
}

/** The finaliser of murmur3: names which differ only in their last digit would have similar hashes without it. */
function finish(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
