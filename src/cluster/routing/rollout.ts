import type { ClusterWork } from '../../context/unit-of-work.js';
import { InvalidOptionsError } from '../../errors.js';
import { describeValue } from '../../options/describe-value.js';
import {
  A_SHARE,
  isShare,
  MODES,
  readSettings,
  type RoutingSettings,
} from '../../options/routing-options.js';
import type { RoutingMode } from '../../options/options.js';
import { lotOf, type ClientAffinity } from '../../routing/client-affinity.js';
import type { RouteQuery } from '../../routing/route-input.js';
import type { IntentChoice } from '../../routing/route.js';
import type { ClusterEmitter } from '../events/cluster-events.js';

/** What a rollout is made of. */
export interface RolloutDeps {
  /** What the options say. */
  readonly start: { readonly mode: RoutingMode; readonly share: number };
  readonly affinity: ClientAffinity | undefined;
  readonly events: ClusterEmitter;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** How far routing is switched on: `routing.mode` and `routing.share`, both of which may change at run time. */
export class Rollout {
  mode: RoutingMode;
  share: number;
  /** What `routing.control` has said last. */
  private followed: RoutingSettings = {};

  constructor(private readonly deps: RolloutDeps) {
    ({ mode: this.mode, share: this.share } = deps.start);
  }

  /** @throws {@link InvalidOptionsError} */
  setMode(mode: RoutingMode): void {
    if (!MODES.includes(mode)) {
      const message = `expected one of ${MODES.join(', ')}, got ${JSON.stringify(mode)}.`;
      throw new InvalidOptionsError([{ path: 'mode', message }]);
    }
    this.set({ mode });
  }

  /** @throws {@link InvalidOptionsError} */
  setShare(share: number): void {
    if (!isShare(share)) {
      const message = `expected ${A_SHARE}, got ${describeValue(share)}.`;
      throw new InvalidOptionsError([{ path: 'share', message }]);
    }
    this.set({ share });
  }

  /** Changes what is given, and tells of it. */
  set({ mode = this.mode, share = this.share }: RoutingSettings): void {
    if (mode === this.mode && share === this.share) return;
    this.mode = mode;
    this.share = share;
    this.deps.events.emit('routingChanged', { mode, share });
  }

  /**
   * Does what `routing.control` has answered. What that no longer says is as the options say; of what it has never said it is
   * not the master.
   *
   * @throws {@link InvalidOptionsError}
   */
  follow(answer: unknown): void {
    const { followed } = this;
    const { start } = this.deps;
    const given = readSettings(answer);
    this.followed = given;
    this.set({
      mode: given.mode ?? (followed.mode && start.mode),
      share: given.share ?? (followed.share === undefined ? undefined : start.share),
    });
  }

  /** `routing.mode` for a query; `'outside-share'`: its client is not routed yet. */
  modeOf({ isOutside }: { readonly isOutside?: boolean }): RouteQuery['mode'] {
    return this.mode === 'route' && isOutside ? 'outside-share' : this.mode;
  }

  /** Clients that have no key are drawn per unit of work, and code outside of units with every query. */
  isOutside({ intent }: IntentChoice, work: ClusterWork | undefined): boolean {
    const { affinity, random } = this.deps;
    if (intent === 'primary') return false;
    const key = affinity?.keyOf(work?.unit.request?.exchange);
    if (key !== undefined) return lotOf(key) >= this.share;
    return (work ? work.lot(random) : random()) >= this.share;
  }
}
