import type { ClusterEmitter } from './cluster-events.js';
import { messageOf } from '../../message-of.js';

/** Tells of a function of the application that fails, once: it fails with every request. */
export function reportOnce(events: ClusterEmitter, what: string): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (isTold) return;
    isTold = true;
    events.emit('promiseWeakened', { node: undefined, detail: `${what}: ${messageOf(error)}` });
  };
}
