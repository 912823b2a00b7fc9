import { tracingChannel } from 'node:diagnostics_channel';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  InjectCluster,
  type MetricPoint,
  type ReplicationCluster,
  type Role,
  type WaitMessage,
} from 'nestjs-replicated';

/** The lag of a replica, second by second; `undefined` where it was not known. */
export interface LagSeries {
  readonly node: string;
  readonly lagsMs: readonly (number | undefined)[];
}

/** What the application has measured of itself since its start. */
export interface Figures {
  readonly routes: readonly { readonly role: Role; readonly reason: string; readonly count: number }[];
  readonly waits: number;
  readonly waitedMs: number;
  readonly staleReads: number;
  readonly lag: readonly LagSeries[];
}

/** Seconds of lag that are shown. */
export const KEPT = 60;
const { asyncEnd } = tracingChannel('nestjs-replicated:wait');

/** Collects what the side panel shows as figures. */
@Injectable()
export class FiguresService implements OnApplicationShutdown {
  #waits = 0;
  #waitedMs = 0;
  #lag: readonly LagSeries[] = [];
  readonly #timer = setInterval(() => this.#sample(), 1_000).unref();

  constructor(@InjectCluster() private readonly cluster: ReplicationCluster) {
    asyncEnd.subscribe(this.#waited);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
    asyncEnd.unsubscribe(this.#waited);
  }

  read(): Figures {
    const routes = new Map<string, Figures['routes'][number]>();
    for (const { labels, value } of this.#points('routes')) {
      const { role = '', reason = '' } = labels;
      const count = value + (routes.get(`${role} ${reason}`)?.count ?? 0);
      routes.set(`${role} ${reason}`, { role: role as Role, reason, count });
    }
    const staleReads = this.#points('stale_reads').reduce((sum, { value }) => sum + value, 0);
    return {
      routes: [...routes.values()].toSorted((a, b) => b.count - a.count),
      waits: this.#waits,
      waitedMs: this.#waitedMs,
      staleReads,
      lag: this.#lag,
    };
  }

  readonly #waited = (message: unknown): void => {
    this.#waits += 1;
    this.#waitedMs += (message as WaitMessage).waitedMs ?? 0;
  };

  #points(name: string): readonly MetricPoint[] {
    const metric = this.cluster.metrics().find((one) => one.name === `nestjs_replicated.${name}`);
    return metric?.points ?? [];
  }

  #sample(): void {
    const before = new Map(this.#lag.map(({ node, lagsMs }) => [node, lagsMs]));
    this.#lag = this.cluster.nodes
      .filter(({ role }) => role === 'replica')
      .map(({ name, lagMs }) => ({
        node: name,
        lagsMs: [...(before.get(name) ?? []), lagMs].slice(-KEPT),
      }));
  }
}
