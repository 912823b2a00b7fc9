import type { NodeState } from '../routing/node-snapshot.js';
import type { Role } from '../routing/route.js';
import type { Expected } from './judge-answer.js';
import type { Lag } from './lag-history.js';
import type { ProbeAnswer } from '../connector.js';
import type { FailureKind } from '../engine.js';

/** What a node went through, in whatever state it is. */
export interface HealthRecord {
  /** Times it was taken out without having stayed up for a minute in between; 0: never. */
  readonly ejections: number;
  /** When it last came back; -Infinity: never. */
  readonly returnedAtMs: number;
}

/** A node that is out returns after `neededAnswers` good answers in a row. */
export interface OutHealth extends HealthRecord {
  readonly state: 'unreachable' | 'misconfigured';
  readonly detail: string;
  readonly goodAnswers: number;
  readonly neededAnswers: number;
  /** In a row. */
  readonly failures: number;
}

/** A node in any other state. */
export interface InHealth extends HealthRecord {
  readonly state: Exclude<NodeState, OutHealth['state']>;
  readonly detail?: string | undefined;
}

/** Health of a node. */
export type Health = InHealth | OutHealth;

/** A probe was answered. */
export interface AnswerEvent {
  readonly type: 'probe-answered';
  readonly answer: ProbeAnswer;
  readonly lag: Lag | undefined;
  readonly hasDiverged: boolean;
  readonly expected: Expected;
  readonly nowMs: number;
}

/** A probe, or the connection of a request, failed. */
export interface FailureEvent {
  readonly type: 'probe-failed' | 'request-failed';
  readonly kind: FailureKind;
  readonly message: string;
  /** This process did not run until just now, and may itself be why. */
  readonly stoodStill?: boolean;
  readonly role: Role;
  readonly nowMs: number;
}

/** What is learnt of a node. */
export type HealthEvent =
  | AnswerEvent
  | FailureEvent
  | { readonly type: 'role-changed'; readonly role: Role }
  | { readonly type: 'drain-started' };

/** Of a node that was never seen. */
export const UNSEEN: Health = Object.freeze({
  state: 'connecting',
  ejections: 0,
  returnedAtMs: -Infinity,
});

/** Whether a node is out. */
export function isOut(health: Health): health is OutHealth {
  return health.state === 'unreachable' || health.state === 'misconfigured';
}
