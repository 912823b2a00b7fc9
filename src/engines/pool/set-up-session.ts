import { SessionSetUpError } from '../../errors.js';
import { messageOf } from '../../message-of.js';
import { limitTime } from './limit-time.js';
import type { NewSession, OnConnect } from '../../options/options.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';

/** How sessions of one kind are set up. */
export interface SetUpTerms extends NewSession {
  /** `undefined`: not at all. */
  readonly onConnect: OnConnect | undefined;
  readonly limitMs: number;
}

/** As the options say. */
export function setUpTerms(
  node: string,
  session: SetUpTerms['session'],
  { onConnect, monitor }: Pick<ResolvedOptions, 'onConnect' | 'monitor'>,
): SetUpTerms {
  return { node, session, onConnect, limitMs: monitor.connectTimeoutMs };
}

/** Has the application set up a new session, within a time. */
export async function setUpSession(
  client: Parameters<OnConnect>[0],
  { onConnect, limitMs, node, session }: SetUpTerms,
): Promise<void> {
  let endLimit = (): void => undefined;
  const isLate = new Promise<never>((_resolve, reject) => {
    endLimit = limitTime(limitMs, () => reject(new Error(`not done within ${limitMs} ms`)));
  });
  const run = async (): Promise<unknown> => onConnect?.(client, { node, session });
  try {
    await Promise.race([run(), isLate]);
  } catch (cause) {
    throw new SessionSetUpError(
      `onConnect has failed for a new ${session} session of "${node}": ${messageOf(cause)}. The session was closed, and no query was sent on it.`,
      { cause },
    );
  } finally {
    endLimit();
  }
}
