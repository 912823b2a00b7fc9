import type { ClusterEmitter } from './cluster-events.js';
import { messageOf } from '../../message-of.js';
import type { Clock } from '../../clock.js';

/** Tells of a function of the application that fails, once: it fails with every request. */
export function reportOnce(events: ClusterEmitter, what: string): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (isTold) return;
    isTold = true;
    events.emit('promiseWeakened', { node: undefined, detail: `${what}: ${messageOf(error)}` });
  };
}

/** Tells of carriers that fail: at once, then at most once a minute, since they fail with every request. */
export function createProblemReport(events: ClusterEmitter, clock: Clock): (error: unknown) => void {
  let toldAtMs = -Infinity;
  return (error) => {
    if (clock.now() - toldAtMs < QUIET_MS) return;
    toldAtMs = clock.now();
    events.emit('promiseWeakened', { node: undefined, detail: `${FAILED}: ${messageOf(error)}` });
  };
}

const QUIET_MS = 60_000;
const FAILED =
  'A carrier of tokens failed, so after a write time serves in place of positions, and other instances may not hear of it';
