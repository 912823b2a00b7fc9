import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';

/** Rows on their way, and the connection that they come over. */
export interface RowSource {
  readonly rows: Readable;
  readonly connection: EventEmitter;
}

/** How a stream of rows begins, and what to do when it fails. */
export interface Repeat {
  open(): Promise<RowSource>;
  /** What the server has said to end the rows, where their stream does not tell: then the end of the connection is all that is heard. */
  lastWordOf(rows: unknown): unknown;
  /** Resolves when the query may be sent again; throws what the reader is told otherwise. */
  recover(error: unknown, hasRows: boolean): Promise<void>;
}

/**
 * The rows of a source, or of the one opened in its place when it fails before its first row. It also ends when the
 * connection is lost: the stream of node-postgres would never end then. Its events are of the unit of work that reads,
 * while those of the connection are of none.
 */
export class RepeatableStream extends Readable {
  private source: RowSource | undefined;
  private hasRows = false;

  private constructor(private readonly repeat: Repeat) {
    super({ objectMode: true, highWaterMark: HIGH_WATER_MARK });
  }

  static async open(repeat: Repeat): Promise<RepeatableStream> {
    const source = await repeat.open();
    const stream = new RepeatableStream(repeat);
    stream.follow(source);
    return stream;
  }

  override _read(): void {
    for (let row: unknown; (row = this.source?.rows.read() ?? null) !== null;) {
      this.hasRows = true;
      if (!this.push(row)) return;
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.leave()?.rows.destroy();
    done(error);
  }

  private follow(source: RowSource): void {
    this.source = source;
    const { rows, connection } = source;
    rows.on(
      'readable',
      AsyncResource.bind(() => this._read()),
    );
    rows.once(
      'end',
      AsyncResource.bind(() => this.finish(source)),
    );
    rows.on('error', this.fail);
    connection.on('error', this.fail).on('end', this.fail);
  }

  private finish(source: RowSource): void {
    if (this.source === source && this.leave()) this.push(null);
  }

  private leave(): RowSource | undefined {
    const { source } = this;
    this.source = undefined;
    source?.rows.removeAllListeners('readable');
    source?.connection.off('error', this.fail).off('end', this.fail);
    return source;
  }

  private readonly fail = AsyncResource.bind((error?: unknown): void => {
    const source = this.leave();
    if (!source) return;
    const reason =
      this.repeat.lastWordOf(source.rows) ?? error ?? new Error('Connection terminated unexpectedly');
    source.rows.destroy();
    void this.startAgain(reason);
  });

  private async startAgain(error: unknown): Promise<void> {
    try {
      await this.repeat.recover(error, this.hasRows);
      const source = await this.repeat.open();
      if (this.destroyed) source.rows.destroy();
      else this.follow(source);
    } catch (told) {
      this.destroy(told as Error);
    }
  }
}

/** As many rows as pg-query-stream asks for at a time. */
const HIGH_WATER_MARK = 100;

/** Tells `onEnd` or `onError` once the stream is over. `onEnd` also when its reader goes away before the end. */
export function whenOver(
  stream: Readable,
  { onEnd, onError }: { onEnd?: (() => void) | undefined; onError?: ((error: Error) => void) | undefined },
): Readable {
  if (onEnd) stream.once('end', onEnd);
  if (onError) stream.on('error', onError);
  // Without this, TypeORM would never release the runner of a stream that is destroyed early.
  return stream.once('close', () => {
    if (!stream.readableEnded && !stream.errored) onEnd?.();
  });
}
