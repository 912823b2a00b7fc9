import { SessionSetUpError } from '../../../errors.js';
import { messageOf } from '../../../message-of.js';
import type { NewSession, OnConnect } from '../../../options/options.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import { withVerify } from './with-verify.js';

/** How sessions of one kind are set up. */
export interface SetUpTerms extends NewSession {
  /** `undefined`: not at all. */
  readonly onConnect: OnConnect | undefined;
  readonly limitMs: number;
}

type NewClient = Parameters<OnConnect>[0];

/**
 * Options with which the application sets up every new session. To be wrapped around those with which sessions prove what
 * they are, so that these are proven as they are used: what the application sets comes before.
 */
export function withSetUp(
  options: DriverOptions,
  { onConnect, limitMs, ...about }: SetUpTerms,
): DriverOptions {
  if (!onConnect) return options;
  return withVerify<NewClient>(options, (client, done) => {
    void within(limitMs, async () => onConnect(client, about)).then(
      () => done(),
      (error: unknown) => done(explain(about, error)),
    );
  });
}

async function within(limitMs: number, setUp: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([setUp(), isLate]);
  } finally {
    clearTimeout(timer);
  }
}

function explain({ node, session }: NewSession, cause: unknown): SessionSetUpError {
  return new SessionSetUpError(
    `onConnect has failed for a new ${session} session of "${node}": ${messageOf(cause)}. The session was closed, and no query was sent on it.`,
    { cause },
  );
}
