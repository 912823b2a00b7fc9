import type { DataSource, DataSourceOptions } from 'typeorm';
import type { StartPlace } from '../cluster/watch/start-search.js';
import type { OwnSession } from '../connector.js';
import { createEngine } from '../engines/create-engine.js';
import { unrouted } from '../engines/unrouted.js';
import { dialledAt } from '../options/driver/merge-driver-options.js';
import { isRouted, type DriverOptions, type ResolvedOptions } from '../options/resolved-options.js';
import type { History } from '../position.js';

/**
 * The server that the driver of the routed DataSource itself dials: the configured primary, unless the start has found
 * another. Where queries are routed, every new connection proves that it has reached a primary.
 */
export class OwnHost {
  session: OwnSession;
  private place: StartPlace;

  constructor(
    private readonly replicated: ResolvedOptions,
    private readonly newestHistory: () => History | undefined,
  ) {
    this.place = { host: replicated.primary, isPrimary: true };
    this.session = this.sessionAt(this.place);
  }

  /** For the constructor of TypeORM, which changes its options. */
  get options(): DataSourceOptions {
    return { ...this.session.options } as unknown as DataSourceOptions;
  }

  /** Before the DataSource is initialised. */
  move(dataSource: DataSource, place: StartPlace): void {
    const { place: before, session: former } = this;
    if (before.host === place.host && before.isPrimary === place.isPrimary) return;
    this.place = place;
    this.session = this.sessionAt(place);
    const { driver } = dataSource;
    // The driver was made with them, and has kept them, or a copy.
    for (const options of new Set<unknown>([dataSource.options, driver.options]))
      exchange(options as Record<string, unknown>, former.options, this.session.options);
    // Unless it is asked for, the driver keeps the database of the server that it was made for.
    (driver as { database?: string | undefined }).database = undefined;
  }

  private sessionAt({ host, isPrimary }: StartPlace): OwnSession {
    const { replicated, newestHistory } = this;
    const { name: cluster, dataSource, primary, monitor, onConnect } = replicated;
    const terms = { cluster, name: host.name, monitor, onConnect, newestHistory };
    const { connector } = isRouted(replicated) || onConnect ? createEngine(replicated) : unrouted;
    const dialled = host === primary ? dataSource : dialledAt(host.driver, dataSource, primary.driver);
    // What the schema needs was installed on the primary, and a replica cannot.
    const options = isPrimary ? dialled : { ...dialled, installExtensions: false };
    return connector.ownSession(options, {
      ...terms,
      isRouted: isRouted(replicated),
      isPrimary: () => this.place.isPrimary,
    });
  }
}

function exchange(options: Record<string, unknown>, before: DriverOptions, now: DriverOptions): void {
  for (const key of Object.keys(before)) if (!(key in now)) delete options[key];
  Object.assign(options, now);
}
