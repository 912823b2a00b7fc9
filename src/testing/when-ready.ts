import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { TestingError } from './testing-error.js';

/** What a server writes to its log. */
export interface LogPhrases {
  readonly ready: RegExp;
  readonly portTaken: RegExp;
}

/** A server that is being started. */
export interface StartingServer {
  /** What it writes to its log, as text. */
  readonly log: Readable;
  readonly phrases: LogPhrases;
  /** Asks for it where a setting may keep it out of the log. */
  readonly isReady?: (() => Promise<boolean>) | undefined;
  /** Resolves when it ends, with how. */
  readonly ended: Promise<string>;
  /** For the error. */
  readonly place: string;
  readonly timeoutMs: number;
}

/** Resolves when the server says that it accepts connections. */
export async function whenReady(server: StartingServer): Promise<void> {
  const { log, phrases, isReady = () => Promise.resolve(false), ended, place, timeoutMs } = server;
  const done = new AbortController();
  const output: string[] = [];
  const failure = await Promise.race([
    readyLine(log, phrases.ready, output),
    untilTrue(isReady, done.signal),
    sleep(timeoutMs, `was not ready after ${timeoutMs} ms`, { signal: done.signal }),
    ended,
  ]);
  done.abort();
  if (failure === undefined) return;
  const text = output.join('');
  throw new TestingError(
    phrases.portTaken.test(text) ? 'ERR_TESTING_PORT_TAKEN' : 'ERR_TESTING_START',
    `The server in ${place} ${failure}. Its log ends with:\n${lastLines(text)}`,
  );
}

/** Resolves at the line that says so; collects what is said until then. */
function readyLine(log: Readable, ready: RegExp, output: string[]): Promise<undefined> {
  return new Promise((resolve) => {
    const read = (text: string) => {
      output.push(text);
      if (!ready.test(output.join(''))) return;
      log.off('data', read);
      resolve(undefined);
    };
    log.on('data', read);
  });
}

async function untilTrue(isReady: () => Promise<boolean>, signal: AbortSignal): Promise<undefined> {
  while (!(await isReady())) await sleep(50, undefined, { signal });
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
