import type { DataSource, DataSourceOptions } from 'typeorm';
import type { StartPlace } from '../cluster/watch/start-search.js';
import { createEngine } from '../engines/create-engine.js';
import { Sockets } from '../engines/postgres/pool/sockets.js';
import { primarySession, socketsOfPrimary } from '../engines/postgres/pool/writable-pool-options.js';
import { dialledAt } from '../options/driver/merge-driver-options.js';
import { withKeepAlive } from '../options/driver/with-keep-alive.js';
import { isRouted } from '../options/is-routed.js';
import type { DriverOptions, ResolvedOptions } from '../options/resolved-options.js';
import type { History } from '../position.js';

/** The server that the driver of the routed DataSource itself dials: the configured primary, unless the start has found another. */
export class OwnHost {
  readonly sockets: Sockets;
  /** For the constructor of TypeORM, whose driver goes on reading them. */
  readonly options: DataSourceOptions;
  private place: StartPlace;

  /** `newestHistory`: where queries are routed, every new connection proves that it has reached the primary, and no former one. */
  constructor(
    private readonly replicated: ResolvedOptions,
    private readonly newestHistory: () => History | undefined,
  ) {
    const { primary, monitor } = replicated;
    this.sockets = isRouted(replicated) ? socketsOfPrimary(primary.driver, monitor) : new Sockets();
    this.place = { host: primary, isPrimary: true };
    this.options = { ...this.optionsAt(this.place) } as unknown as DataSourceOptions;
  }

  move({ driver, options }: DataSource, place: StartPlace): void {
    const { place: before } = this;
    if (before.host === place.host && before.isPrimary === place.isPrimary) return;
    this.place = place;
    const given = this.optionsAt(place);
    const current = options as unknown as Record<string, unknown>;
    for (const key of Object.keys(this.optionsAt(before))) if (!(key in given)) delete current[key];
    Object.assign(current, given);
    // Unless it is asked for, the driver keeps the database of the server that it was made for.
    (driver as { database?: string | undefined }).database = undefined;
  }

  private optionsAt({ host, isPrimary }: StartPlace): DriverOptions {
    const { replicated, newestHistory } = this;
    const { dataSource, primary } = replicated;
    if (!isRouted(replicated)) return dataSource;
    const dialled = host === primary ? dataSource : dialledAt(host.driver, dataSource, primary.driver);
    if (!isPrimary) return this.sockets.within(withKeepAlive({ ...dialled, installExtensions: false }));
    const engine = createEngine(replicated);
    return primarySession(dialled, { engine, newestHistory, sockets: this.sockets });
  }
}
