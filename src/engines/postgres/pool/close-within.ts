import type { Sockets } from './sockets.js';

/**
 * Waits for `close`, which waits for queries and for the server's last word. After `timeoutMs` the sockets are cut, so
 * that whatever hangs fails; a connection that somebody keeps even then is not waited for.
 */
export async function closeWithin(
  close: () => Promise<void>,
  sockets: Sockets,
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      sockets.refuse();
      timer = setTimeout(resolve, LAST_WORDS_MS);
    }, timeoutMs);
  });
  try {
    await Promise.race([close(), isOver]);
  } finally {
    clearTimeout(timer);
  }
}

/** For queries to hear that their connection is lost, and for their callers to let go. */
const LAST_WORDS_MS = 200;
