import { expect } from '@jest/globals';
import { decideReplica, decideRoute } from '../../src/routing/decide-route.js';
import { requiredAt } from '../../src/routing/required-at.js';
import { positions } from '../../src/engines/postgres/positions.js';
import type { KnownSnapshot, NodeState } from '../../src/routing/node-snapshot.js';
import type { Plan } from '../../src/routing/plan.js';
import { at } from './postgres-places.js';
import type {
  ClusterView,
  ReplicaInput,
  RouteCandidate,
  RouteTerms,
  RouteQuery,
} from '../../src/routing/route-input.js';

export const NOW = 1_000_000;
const READ = { intent: 'replica', reason: 'read-method', ownWrites: true } as const;
export const USE_SLAVE = { intent: 'replica', reason: 'use-slave', ownWrites: false } as const;
export const WRITE = { intent: 'primary', reason: 'write-method', ownWrites: true } as const;
const TERMS: RouteTerms = {
  snapshotMaxAgeMs: 3_000,
  staleAfterMs: 61_000,
  pinMs: 3_000,
  allowsFallback: true,
  onReplicaWrite: 'reject',
  whenPrimaryDown: '503',
  positions,
};

export type Input = RouteQuery &
  Omit<ReplicaInput<RouteCandidate>, 'cluster'> & {
    readonly primary: ClusterView<RouteCandidate>['primary'];
    readonly terms: Partial<RouteTerms>;
    /** Of replicas that are gone. */
    readonly lostGroups: readonly string[];
    /** Of replicas of other clusters. */
    readonly otherGroups: readonly string[];
  };

export function replica(
  name: string,
  seen: Partial<KnownSnapshot> = {},
  kind: RouteCandidate['endpoint']['kind'] = 'server',
): RouteCandidate {
  return { name, weight: 1, busy: 0, endpoint: { kind }, snapshot: snapshot(name, seen) };
}

function snapshot(name: string, seen: Partial<KnownSnapshot>): KnownSnapshot {
  const known: Omit<KnownSnapshot, 'place'> = {
    name,
    role: 'replica',
    state: 'usable',
    lagMs: 0,
    position: 100n,
    seenAtMs: NOW - 500,
    ...seen,
  };
  return Object.freeze({ ...known, place: { position: at(known.position), history: undefined } });
}

export function primary(state: NodeState = 'usable'): ClusterView<RouteCandidate>['primary'] {
  return { name: 'p', snapshot: snapshot('p', { role: 'primary', state }) };
}

/** A question and what is known, in one. */
export function ask(
  replicas: readonly RouteCandidate[],
  { terms, primary: first = primary(), lostGroups = [], otherGroups = [], ...input }: Partial<Input> = {},
) {
  const present = replicas.flatMap(({ snapshot: { group } }) => group ?? []);
  const groups = new Set([...present, ...lostGroups]);
  const knownGroups = new Set([...groups, ...otherGroups]);
  return {
    choice: READ,
    mode: 'route',
    level: 'session',
    fallback: undefined,
    kept: undefined,
    failed: undefined,
    required: {},
    previous: undefined,
    nowMs: NOW,
    ...input,
    cluster: { primary: first, replicas, groups, knownGroups, terms: { ...TERMS, ...terms } },
  } as const;
}

export function decide(replicas: readonly RouteCandidate[], input?: Partial<Input>): Plan<RouteCandidate> {
  const asked = ask(replicas, input);
  const plan = decideRoute(asked, asked.cluster);
  return plan.kind === 'choose' ? chooseFor(asked) : plan;
}

export function chooseFor(asked: ReturnType<typeof ask>) {
  return decideReplica({ ...asked, required: requiredAt(asked.level, asked.required) });
}

/** Who is asked and why: `a,b: read-method`, `primary read-only: no-replicas`, `behind primary a: behind-token`, `503 ...`. */
export function said(plan: Plan<RouteCandidate>): string {
  switch (plan.kind) {
    case 'replica':
      return `${names(plan.candidates)}: ${plan.reason}`;
    case 'choose':
      return plan.needsTokens ? 'choose by tokens' : 'choose';
    case 'wait':
      return `behind ${plan.otherwise} ${names(plan.candidates)}: ${plan.reason}`;
    case 'ask':
      return `ask ${names(plan.candidates)}`;
    case 'primary':
      return `primary${plan.session === 'writable' ? ' writable' : ''}: ${plan.reason}`;
    case 'unavailable':
      return `503 ${plan.error}: ${plan.reason}`;
    default:
      return plan satisfies never;
  }
}

function names(candidates: readonly RouteCandidate[]): string {
  return candidates.map(({ name }) => name).join();
}

export type Row = readonly [
  rule: string,
  replicas: readonly RouteCandidate[],
  input: Partial<Input>,
  says: string,
];
export const check = (
  _rule: string,
  replicas: readonly RouteCandidate[],
  input: Partial<Input>,
  says: string,
) => expect(said(decide(replicas, input))).toBe(says);
