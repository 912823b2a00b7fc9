import type { Candidate } from './node-snapshot.js';

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
