import type { Clock } from '../../clock.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import type { ClusterWork } from '../../context/unit-of-work.js';
import type { Candidate } from '../../routing/node-snapshot.js';
import type { SettledPlan } from '../../routing/plan.js';
import type { Reason } from '../../routing/route.js';
import { traceNoWait, traceWait, WAITS, type WaitMessage, type WaitOutcome } from '../metrics/channels.js';

/** Which query waits. */
export interface Waiting {
  readonly work: ClusterWork | undefined;
  /** How long it has waited before. */
  readonly waitedMs?: number;
}

/** What a query has waited for, and how long in all. */
export interface Waited<T> {
  readonly answer: T;
  readonly waitedMs: number;
}

/** Waits of reads: told to the tracing channel, and counted in their units of work. */
export class Waits {
  constructor(
    private readonly cluster: string,
    private readonly clock: Clock,
  ) {}

  /** `wait` answers the plan that follows on it. */
  forReplay<Plan extends SettledPlan<Candidate>>(
    waiting: Waiting,
    { reason }: { readonly reason: Reason },
    wait: () => Promise<Plan>,
  ): Promise<Waited<Plan>> {
    return this.tell(waiting, this.messageOf('replay', reason, waiting), async (message) => {
      const plan = await wait();
      message.outcome = outcomeOf(plan);
      return plan;
    });
  }

  /** A permit that is there already is told of as a wait of no time, and nothing else happens to it. */
  forPermit<Permit extends () => void>(
    waiting: Waiting,
    { reason }: { readonly reason: Reason },
    permit: Permit | Promise<Permit>,
  ): Permit | Promise<Waited<Permit>> {
    if (permit instanceof Promise) {
      const message = this.messageOf('permit', reason, waiting);
      message.outcome = 'refused';
      return this.tell(waiting, message, async () => {
        const release = await permit;
        message.outcome = 'primary';
        return release;
      });
    }
    if (WAITS.end.hasSubscribers) traceNoWait(this.messageOf('permit', reason, waiting));
    return permit;
  }

  private async tell<T>(
    { work, waitedMs: before = 0 }: Waiting,
    message: WaitMessage,
    wait: (message: WaitMessage) => Promise<T>,
  ): Promise<Waited<T>> {
    const startedAtMs = this.clock.now();
    let waitedMs = 0;
    const answer = await traceWait(message, async () => {
      try {
        return await wait(message);
      } finally {
        waitedMs = this.clock.now() - startedAtMs;
        message.waitedMs = waitedMs;
        if (work) noteWait(work, waitedMs);
      }
    });
    return { answer, waitedMs: before + waitedMs };
  }

  private messageOf(subject: WaitMessage['for'], reason: Reason, { work }: Waiting): WaitMessage {
    return { cluster: this.cluster, handler: work?.unit.handler, for: subject, reason };
  }
}

function noteWait({ tally, handled }: ClusterWork, waitedMs: number): void {
  tally.waitedMs += waitedMs;
  if (!handled) return;
  handled.waits += 1;
  handled.waitedMs += waitedMs;
}

function outcomeOf(plan: SettledPlan<Candidate>): WaitOutcome {
  switch (plan.kind) {
    case 'replica':
      return plan.stale ? 'stale' : 'replica';
    case 'primary':
      return 'primary';
    case 'unavailable':
      return 'refused';
    default:
      return plan satisfies never;
  }
}

/** Resolves when one of the nodes has answered its monitor, or none does. */
export async function oneAnswers(nodes: readonly ClusterNode[]): Promise<void> {
  const answers = nodes.map(async ({ observer }) => (await observer.ask()) ?? Promise.reject());
  await Promise.any(answers).catch(() => undefined);
}
