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
    const tell = async (): Promise<void> => {
      const problem = await setUp(limitMs, async () => onConnect(client, about));
      done(problem && explain(about, problem));
    };
    void tell();
  });
}

/** Answers what it has failed with. */
async function setUp(
  limitMs: number,
  run: () => Promise<unknown>,
): Promise<{ readonly cause: unknown } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([run(), isLate]);
    return undefined;
  } catch (cause) {
    return { cause };
  } finally {
    clearTimeout(timer);
  }
}

function explain({ node, session }: NewSession, { cause }: { readonly cause: unknown }): SessionSetUpError {
  return new SessionSetUpError(
    `onConnect has failed for a new ${session} session of "${node}": ${messageOf(cause)}. The session was closed, and no query was sent on it.`,
    { cause },
  );
}
