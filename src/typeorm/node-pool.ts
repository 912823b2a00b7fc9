import { DataSource, type DataSourceOptions, type Logger } from 'typeorm';
import type { Pool } from '../cluster/pool.js';
import type { DriverOptions } from '../options/resolved-options.js';
import type { Driver } from './driver.js';
import { abortConnections, closeWithin } from './pool-connections.js';

/** A pool of TypeORM's driver, held by a DataSource without entities, which costs next to nothing. */
export class NodePool implements Pool {
  private opening: Promise<Driver> | undefined;
  private dataSource: DataSource | undefined;
  private isClosed = false;

  /** `logger`: the routed DataSource's, since TypeORM logs queries where their connection comes from. */
  constructor(
    private readonly options: DriverOptions,
    readonly size: number,
    private readonly logger: Logger,
  ) {}

  open(): Promise<Driver> {
    return (this.opening ??= this.connect());
  }

  abort(): void {
    if (this.dataSource) abortConnections(this.dataSource.driver);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.opening?.catch(() => undefined);
    const { dataSource } = this;
    if (!dataSource?.isInitialized) return;
    await closeWithin(dataSource, CLOSE_TIMEOUT_MS);
  }

  private async connect(): Promise<Driver> {
    if (this.isClosed)
      throw new Error('Cannot use a pool after calling end on the pool: the application is closing.');
    const extra = { ...(this.options['extra'] as object | undefined), max: this.size };
    const options = { ...this.options, logger: this.logger, extra };
    const dataSource = new DataSource(options as unknown as DataSourceOptions);
    try {
      await dataSource.initialize();
    } catch (error) {
      this.opening = undefined;
      abortConnections(dataSource.driver);
      throw error;
    }
    this.dataSource = dataSource;
    return dataSource.driver;
  }
}

const CLOSE_TIMEOUT_MS = 2_000;

/** The pool of the routed DataSource itself: opened and closed by it. */
export class OwnPool implements Pool {
  constructor(
    private readonly owner: DataSource,
    readonly size: number,
  ) {}

  open(): Promise<Driver> {
    return Promise.resolve(this.owner.driver);
  }

  abort(): void {
    abortConnections(this.owner.driver);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
