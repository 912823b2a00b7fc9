import type { Positions } from '../../position.js';
import type { Keyring } from '../../tokens/keyring.js';
import { requirementOf } from '../../tokens/requirement.js';
import { openTokens } from '../../tokens/token-text.js';
import { UsageError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { canServe, hasAllOf } from '../../routing/narrow-replicas.js';
import type { Requirement } from '../../routing/route-input.js';
import type { CatchUp } from '../nodes/catch-up.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import type { Clock } from '../../clock.js';
import { hidesServers } from '../nodes/hidden-servers.js';
import type { Topology } from '../nodes/topology.js';

/** Options of `whenReplayed`. */
export interface WhenReplayedOptions {
  /** How long to wait, in ms. @default 10000 */
  readonly timeoutMs?: number;
}

/** What the barrier is made of. */
export interface ReplayBarrierDeps {
  readonly options: ResolvedOptions;
  readonly keyring: Keyring;
  readonly positions: Positions;
  readonly topology: Topology;
  readonly catchUp: CatchUp;
  readonly clock: Clock;
}

/** Waits until all usable replicas have what a token stands for. */
export class ReplayBarrier {
  constructor(private readonly deps: ReplayBarrierDeps) {}

  async whenReplayed(text: string | undefined, { timeoutMs = 10_000 }: WhenReplayedOptions): Promise<void> {
    if (text === undefined) return;
    const { topology, catchUp, clock, options, keyring, positions } = this.deps;
    const { opened } = openTokens([text], keyring, positions);
    if (!opened.some(({ kind }) => kind === 'token')) throw new UsageError(NOT_A_TOKEN);
    const deadlineMs = clock.now() + timeoutMs;
    const demandNow = () =>
      requirementOf(opened, topology.requirementContext(clock.now(), options.consistency));
    const { position: anyPosition, pinnedUntilMs } = demandNow();
    await clock.delay(Math.max(0, Math.min(pinnedUntilMs ?? 0, deadlineMs) - clock.now())).done;
    const hiding = anyPosition === undefined ? [] : topology.replicas.filter(hidesServers);
    if (hiding.length > 0) throw new UsageError(hidden(hiding.map(({ name }) => name)));
    for (;;) {
      const requirement = demandNow();
      const { position } = requirement;
      const behind = topology.replicas.filter((node) => this.lacks(node, requirement));
      if (behind.length === 0) return;
      const leftMs = deadlineMs - clock.now();
      const names = behind.map(({ name }) => name);
      if (leftMs <= 0) throw notInTime(names, timeoutMs);
      const late = behind.filter((node) => position !== undefined && !catchUp.hasReplayed(node, position));
      if (position !== undefined && late.length > 0)
        await catchUp.until(late, position, Math.min(leftMs, ASK_FOR_MS));
      else await clock.delay(Math.min(leftMs, LOOK_EVERY_MS)).done;
    }
  }

  private lacks(node: ClusterNode, { position, writtenAtMs }: Requirement): boolean {
    const { topology, catchUp, clock } = this.deps;
    if (!canServe(node.snapshot)) return false;
    if (position !== undefined && !catchUp.hasReplayed(node, position)) return true;
    const judging = { cluster: topology, nowMs: clock.now() };
    return writtenAtMs !== undefined && !hasAllOf(node, judging, writtenAtMs);
  }
}

/** For so long at a time: what the token demands may be less by then. */
const ASK_FOR_MS = 1_000;
/** How often it is looked what the monitors have found. */
const LOOK_EVERY_MS = 50;

const NOT_A_TOKEN =
  'What whenReplayed() was given is not a token of this cluster. Give it what ConnectionSelector.token() has answered, and use the same consistency.secret in all services.';

function hidden(names: readonly string[]): string {
  return `whenReplayed() cannot know when all servers behind the addresses of ${names.join(', ')} have replayed the token. List every server with its own address, or set endpoint: 'server' where there is one only.`;
}

function notInTime(names: readonly string[], timeoutMs: number): UsageError {
  return new UsageError(
    `After ${timeoutMs} ms these replicas have not replayed the token yet: ${names.join(', ')}. Raise timeoutMs, or see why they lag.`,
  );
}
