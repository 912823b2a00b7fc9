/** A connection that is looked after when its server, asked for something, says nothing. */
export interface WatchedConnection {
  readonly stream: WatchedStream;
  /** Whether the server owes an answer. */
  waitsForServer(): boolean;
  /** Asks by another connection whether the server is at work for this one; absent: it cannot be asked. */
  isAtWork?(): Promise<boolean>;
  /** Ends on the server what it is at. */
  cancel?(): unknown;
}

/** As much of a socket as is used here. */
export interface WatchedStream {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  once(event: 'close', listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

/**
 * Looks after a connection whose server has said nothing for so long, or up to a quarter longer: one whose server is at
 * work goes on, and is looked after again; any other is given up with `error`, on its server as well. A driver's own time-out
 * starts and stops a timer with every query, and a timeout of the socket is moved with everything that is sent or heard:
 * quick reads notice both.
 */
export function watchSilence(connection: WatchedConnection, limitMs: number, error: () => Error): void {
  const { stream } = connection;
  let traffic = 0;
  let silentLooks = 0;
  let isAsking = false;
  const heard = (): number => stream.bytesRead + stream.bytesWritten;
  const lookAfter = async (): Promise<void> => {
    isAsking = true;
    const isAtWork = await connection.isAtWork?.();
    isAsking = false;
    silentLooks = 0;
    // Later, since in a process that stood still an answer may be lying there, unread.
    if (!isAtWork) setTimeout(giveUp, READ_MS).unref();
  };
  const giveUp = (): void => {
    if (heard() !== traffic || !connection.waitsForServer()) return;
    connection.cancel?.();
    stream.destroy(error());
  };
  const timer = setInterval(() => {
    const known = traffic;
    traffic = heard();
    silentLooks = traffic === known ? silentLooks + 1 : 0;
    if (silentLooks >= LOOKS && !isAsking && connection.waitsForServer()) void lookAfter();
  }, limitMs / LOOKS).unref();
  stream.once('close', () => clearInterval(timer));
}

/** For the event loop to read what has arrived. */
const READ_MS = 10;

/** How often it is looked per limit. */
const LOOKS = 4;
