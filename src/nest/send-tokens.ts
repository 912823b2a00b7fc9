import type { OutgoingToken } from '../consistency/carrier.js';
import type { UnitOfWork } from '../context/unit-of-work.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ComposedCluster } from '../typeorm/compose-cluster.js';
import { beforeHead } from './before-head.js';
import { HttpOrigin } from './http-origin.js';

/** Gives every client that writes its token: into stores at once, into cookies and headers with the response's head. */
export function sendTokens(composed: ComposedCluster, options: ResolvedOptions): void {
  const { writes, carriers, counters, events, tokens } = composed;
  const { maxAgeMs } = options.consistency;
  const warnWhenNoneReturns = createNoReturnWarning(composed);

  const outgoing = (unit: UnitOfWork): OutgoingToken => ({
    text: tokens.seal(unit.on(options.name).written),
    maxAgeMs,
    wrote: true,
  });

  writes.onWrite((unit) => {
    const found = httpUnitOf(unit);
    if (!found) return;
    const { unit: root, origin } = found;
    const recording = carriers.flatMap((carrier) => carrier.record?.(origin, outgoing(root)) ?? []);
    if (origin.hasEnded)
      events.emit('lateWrite', { handler: root.marks?.name ?? `${origin.method} ${origin.path}` });
    else if (origin.claimHead(options.name)) {
      beforeHead(origin.response, () => {
        for (const carrier of carriers) carrier.send?.(origin, outgoing(root));
        counters.countToken('issued');
        warnWhenNoneReturns();
      });
    }
    if (recording.length > 0) return Promise.all(recording).then(() => undefined);
  });
}

/** The request that a unit belongs to, however deep it is nested. */
function httpUnitOf(unit: UnitOfWork): { unit: UnitOfWork; origin: HttpOrigin } | undefined {
  for (let at: UnitOfWork | undefined = unit; at; at = at.parent) {
    if (at.origin instanceof HttpOrigin) return { unit: at, origin: at.origin };
  }
  return undefined;
}

const ISSUED_IN_VAIN = 100;

function createNoReturnWarning({ counters, events }: ComposedCluster): () => void {
  let hasWarned = false;
  return () => {
    if (hasWarned || counters.tokens('issued') < ISSUED_IN_VAIN) return;
    hasWarned = true;
    if (counters.tokens('returned') === 0)
      events.emit('promiseWeakened', { node: undefined, detail: NONE_RETURNED });
  };
}

const NONE_RETURNED =
  `${ISSUED_IN_VAIN} tokens were issued and none has come back, so clients may not see their own writes. Usual causes: ` +
  "fetch without credentials: 'include', a front end of another site (cookie.sameSite 'None', secure, partitioned), " +
  'a CDN or gateway that drops cookies, or clients that keep none (use the header or the store carrier).';
