import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/nodes/lease.js';
import type { Want } from '../cluster/routing/want.js';
import type { FailureKind } from '../engine.js';
import type { RunnerInternals, RunnerMethods } from './internals.js';
import type { RoutedCluster } from './routed-cluster.js';

/** How a query runner may behave. */
export interface SessionTerms {
  readonly want: Want;
  /** Whether writes under replica intent are refused or moved. */
  readonly isGuarded: boolean;
  /** Whether writes count as the application's: not those of TypeORM's result cache. */
  readonly countsWrites: boolean;
}

/** A connection from the moment that it is asked for. */
export interface Checkout {
  /** Where it is; `undefined` while it is on its way. */
  lease: Lease | undefined;
  /** The application has changed a session that reads (`SET`, `BEGIN` as text): no other connection is like it. */
  isBound: boolean;
  /** What it has changed outlives transactions: the connection is not for others. */
  hasSettings: boolean;
  /** What a query on it has failed with, last. */
  lastFailure: unknown;
}

/** One that has come. */
export interface HeldCheckout extends Checkout {
  readonly lease: Lease;
}

/** Where a session is with its connection; drawn in ARCHITECTURE.md. */
export type SessionState =
  /** `leaving`: was dropped on its way. The next one waits for it: a runner of TypeORM keeps one connection. */
  | { readonly kind: 'none'; readonly leaving?: Promise<unknown> | undefined }
  | { readonly kind: 'acquiring'; readonly checkout: Checkout; connection: Promise<unknown> | undefined }
  | { readonly kind: 'held'; readonly checkout: HeldCheckout }
  /** The connection must not be used any more, `why`. */
  | { readonly kind: 'broken'; readonly checkout: HeldCheckout; readonly why: unknown }
  /** No query comes any more, what is under way may still fail. `checkout`: until it is given back; `why`: it is not for others. */
  | { readonly kind: 'ended'; readonly checkout: HeldCheckout | undefined; readonly why?: unknown };

/**
 * What stands between a query runner of TypeORM and its pool: chooses the node when the first connection is needed, moves
 * reads to another node when theirs fails, and hears of writes. The runner stays TypeORM's own in everything else.
 */
export interface QuerySession {
  readonly runner: RoutedRunner;
  /** The methods as TypeORM wrote them. Call them on the runner. */
  readonly base: RunnerMethods;
  readonly cluster: RoutedCluster;
  readonly isGuarded: boolean;
  readonly countsWrites: boolean;
  want: Want;
  /** Whether it reads with replica intent, so that nothing may be written. */
  isReading: boolean;
  state: SessionState;
  /** Names of the nodes that need not be asked again. */
  failed: Set<string> | undefined;
  hasOpenTransaction: boolean;
  /** Texts on their way to the driver, several can be, whose results are wanted in TypeORM's own form. */
  readonly structuredTexts: string[];
}

/** Where a routed query runner keeps its session; absent on runners that this library does not route. */
export const SESSION: unique symbol = Symbol.for('nestjs-replicated.session');

/** A query runner of TypeORM with a session in front of it. */
export type RoutedRunner = QueryRunner & RunnerInternals & { [SESSION]: QuerySession };

/** Of a session that does no more: a runner may outlive its unit of work. */
export const OVER: Want = {
  scope: undefined,
  work: undefined,
  choice: { intent: 'replica', reason: 'explicit', ownWrites: false },
};

/** Says what the session wants from here on. */
export function setWant(session: QuerySession, want: Want): void {
  session.want = want;
  session.isReading = session.isGuarded && want.choice.intent === 'replica';
}

/** The connection must not be used any more, and is not given to others. */
export function breakOff(session: QuerySession, why: unknown): void {
  const { state } = session;
  if (state.kind === 'held') session.state = { kind: 'broken', checkout: state.checkout, why };
  else if (state.kind === 'ended') session.state = { ...state, why: state.why ?? why };
}

/** Kinds after which the connection of a query is dead, or busy without an end. Poolers close those that wait too long. */
const LOSES_CONNECTION: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connection',
  'session-ended',
  'timeout',
  'overload',
]);

/** Whether the connection of a query that failed so cannot be used again. */
export function losesConnection(kind: FailureKind): boolean {
  return LOSES_CONNECTION.has(kind);
}
