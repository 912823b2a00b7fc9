import { Readable } from 'node:stream';

/** What to do about a stream of rows that fails. */
export interface Repeat {
  /** Resolves when the query may be sent again; throws what the reader is told otherwise. */
  recover(error: unknown, hasRows: boolean): Promise<void>;
  reopen(): Promise<Readable>;
}

/** The rows of `first`, or of the stream opened in its place when it fails before its first row. */
export function repeatableStream(first: Readable, repeat: Repeat): Readable {
  const current = { source: first };
  const stream = Readable.from(rowsOf(current, repeat));
  // A reader that goes away before it has begun leaves the generator unstarted, and the cursor open.
  return stream.once('close', () => current.source.destroy());
}

/** Tells `done` once when the stream is over: at its end, by an error, or because its reader went away. */
export function whenOver(stream: Readable, onEnd?: () => void, onError?: (error: Error) => void): Readable {
  if (onEnd) stream.once('end', onEnd);
  if (onError) stream.on('error', onError);
  // Without this, TypeORM would never release the runner of a stream that is destroyed early.
  return stream.once('close', () => {
    if (!stream.readableEnded && !stream.errored) onEnd?.();
  });
}

// Only errors of the source are the database's; those that the reader destroys the stream with are not.
async function* rowsOf(current: { source: Readable }, repeat: Repeat): AsyncGenerator<unknown> {
  let hasRows = false;
  for (let rows = iterate(current.source); ;) {
    let next: IteratorResult<unknown>;
    try {
      next = await rows.next();
    } catch (error) {
      await repeat.recover(error, hasRows);
      current.source = await repeat.reopen();
      rows = iterate(current.source);
      continue;
    }
    if (next.done) return;
    hasRows = true;
    yield next.value;
  }
}

function iterate(source: Readable): AsyncIterator<unknown> {
  return source[Symbol.asyncIterator]();
}
