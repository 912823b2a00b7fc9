import { FAILED_PROBE_MEANS, FAILED_REQUEST_MEANS } from './failure-meaning.js';
import {
  isOut,
  type AnswerEvent,
  type FailureEvent,
  type Health,
  type HealthEvent,
  type HealthRecord,
  type OutHealth,
} from './health.js';
import { judgeAnswer, type JudgingEngine, type LagLimits } from './judge-answer.js';

/** What answers are judged by. */
export interface HealthTerms {
  readonly engine: JudgingEngine;
  readonly limits: LagLimits;
}

/** The health of a node after an event. Draining is final, all else may change. */
export function nextHealth(health: Health, event: HealthEvent, terms: HealthTerms): Health {
  if (health.state === 'draining') return health;
  switch (event.type) {
    case 'probe-answered':
      return afterAnswer(health, event, terms);
    case 'probe-failed':
    case 'request-failed':
      return afterFailure(health, event);
    case 'role-changed':
      return event.role === 'replica' ? demoted(health) : health;
    case 'drain-started':
      return { ...recordOf(health), state: 'draining' };
    default:
      return event satisfies never;
  }
}

/** The time to the next probe. A wrong password is not tried every second, so that the account is not locked. */
export function probeDelayMs(health: Health, intervalMs: number): number {
  if (health.state !== 'misconfigured') return intervalMs;
  const delayMs = intervalMs * 2 ** Math.min(health.failures - 1, 10);
  return Math.max(intervalMs, Math.min(delayMs, MAX_RECHECK_MS));
}

function afterAnswer(health: Health, event: AnswerEvent, terms: HealthTerms): Health {
  const { answer, lag, hasDiverged, expected, nowMs } = event;
  const wasLagging = health.state === 'lagging' || health.state === 'stale';
  const { state, detail } = judgeAnswer(answer, { ...terms, expected, lag, hasDiverged, wasLagging });
  if (state === 'misconfigured') return takeOut(health, state, { message: detail ?? '', nowMs });
  if (!isOut(health)) return { ...recordOf(health), state, detail };

  const goodAnswers = health.goodAnswers + 1;
  // There is no other primary, so it need not prove itself; and a node in the wrong role is not used anyway.
  const isProven =
    expected.role === 'primary' || state === 'is-primary' || goodAnswers >= health.neededAnswers;
  return isProven ? { ...recordOf(health), returnedAtMs: nowMs, state, detail } : { ...health, goodAnswers };
}

function afterFailure(health: Health, event: FailureEvent): Health {
  const meaning =
    event.type === 'probe-failed' ? FAILED_PROBE_MEANS[event.kind] : FAILED_REQUEST_MEANS[event.kind];
  switch (meaning) {
    case 'nothing':
      return health;
    case 'misconfigured':
      return takeOut(health, 'misconfigured', event);
    case 'gone':
      // A broken connection is no proof that the server is down, and there is no other primary: a probe finds out.
      return event.role === 'primary' || event.stoodStill
        ? doubt(health, event)
        : takeOut(health, 'unreachable', event);
    case 'doubtful':
      return health.state === 'suspect' ? takeOut(health, 'unreachable', event) : doubt(health, event);
    default:
      return meaning satisfies never;
  }
}

/** What it answered as the primary says nothing of how it follows the new one. */
function demoted(health: Health): Health {
  return isOut(health) ? health : { ...recordOf(health), state: 'connecting' };
}

/** One failure: used while none is better. A node that was not used before it is not used after it. */
function doubt(health: Health, event: FailureEvent): Health {
  const { state } = health;
  if (state === 'suspect') return health;
  // A standby in the primary's place refuses connections that want to write: it is no less there for that.
  if (state === 'is-replica' && event.type === 'request-failed') return health;
  if (state !== 'usable' && state !== 'lagging') return takeOut(health, 'unreachable', event);
  return { ...recordOf(health), state: 'suspect', detail: event.message };
}

function takeOut(
  health: Health,
  state: OutHealth['state'],
  { message, nowMs }: Pick<FailureEvent, 'message' | 'nowMs'>,
): Health {
  const detail = message;
  if (isOut(health)) return { ...health, state, detail, goodAnswers: 0, failures: health.failures + 1 };
  const ejections = countEjections(health, nowMs);
  const neededAnswers = Math.min(Math.max(ejections, 1), MAX_NEEDED_ANSWERS);
  return { ...recordOf(health), ejections, state, detail, goodAnswers: 0, neededAnswers, failures: 1 };
}

/** Times in a row that a node was taken out within a minute of its return. */
function countEjections(health: Health, nowMs: number): number {
  if (health.state === 'connecting') return 0; // it was never in
  return nowMs - health.returnedAtMs < FORGIVEN_AFTER_MS ? health.ejections + 1 : 1;
}

function recordOf({ ejections, returnedAtMs }: Health): HealthRecord {
  return { ejections, returnedAtMs };
}

const MAX_NEEDED_ANSWERS = 5;
const FORGIVEN_AFTER_MS = 60_000;
const MAX_RECHECK_MS = 10_000;
