import type { Clock } from '../../clock.js';
import type { Scope } from '../../context/scope.js';
import type { Candidate } from '../../routing/node-snapshot.js';
import type { SettledPlan } from '../../routing/plan.js';
import type { Reason } from '../../routing/route.js';
import { traceNoWait, traceWait, WAITS, type WaitMessage, type WaitOutcome } from '../metrics/channels.js';

/** What a read waits for. */
export interface WaitSubject {
  readonly for: WaitMessage['for'];
  readonly plan: { readonly reason: Reason };
}

/** Waits of reads: told to the tracing channel, and counted in their units of work. */
export class Waits {
  constructor(
    private readonly cluster: string,
    private readonly clock: Clock,
  ) {}

  /** `run` says in the message how it has ended. */
  async wait<T>(
    { scope }: { readonly scope: Scope | undefined },
    subject: WaitSubject,
    run: (message: WaitMessage) => Promise<T>,
  ): Promise<{ readonly answer: T; readonly waitedMs: number }> {
    const message = this.messageOf(scope, subject);
    const startedAtMs = this.clock.now();
    const answer = await traceWait(message, async () => {
      try {
        return await run(message);
      } finally {
        message.waitedMs = this.clock.now() - startedAtMs;
        if (scope) scope.unit.on(this.cluster).tally.waitedMs += message.waitedMs;
      }
    });
    return { answer, waitedMs: message.waitedMs ?? 0 };
  }

  /** Tells of a permit that was free at once. */
  skip({ scope }: { readonly scope: Scope | undefined }, plan: WaitSubject['plan']): void {
    if (!WAITS.end.hasSubscribers) return;
    const message = this.messageOf(scope, { for: 'permit', plan });
    traceNoWait(Object.assign(message, { outcome: 'primary', waitedMs: 0 } as const));
  }

  private messageOf(scope: Scope | undefined, { for: subject, plan }: WaitSubject): WaitMessage {
    return { cluster: this.cluster, handler: scope?.unit.handler, for: subject, reason: plan.reason };
  }
}

/** Where a wait for a replica has led. */
export function outcomeOf(plan: SettledPlan<Candidate>): WaitOutcome {
  switch (plan.kind) {
    case 'replica':
      return plan.stale ? 'stale' : 'replica';
    case 'primary':
      return 'primary';
    case 'refuse':
      return 'refused';
    default:
      return plan satisfies never;
  }
}
