import type { Exchange } from '../../tokens/carrier.js';
import type { AboutRequest } from '../../options/options.js';
import { onRejection } from '../../routing/on-rejection.js';

/** The key by which a client keeps its replica, asked of the application. Where that fails, the client has none. */
export class ClientAffinity {
  /** `ask`: `consistency.affinity`; `onFailed`: told of every failure. */
  constructor(
    private readonly ask: AboutRequest<string | undefined> | undefined,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  keyOf(exchange: Exchange | undefined): string | undefined {
    const { ask } = this;
    if (!exchange || !ask) return undefined;
    try {
      return readKey(ask(exchange.platformRequest));
    } catch (error) {
      this.onFailed(error);
      return undefined;
    }
  }
}

/** It may be null, or a number. Objects without a text of their own are all alike: all clients would keep one replica. */
function readKey(answer: unknown): string | undefined {
  if (answer === undefined || answer === null || answer === '') return undefined;
  onRejection(answer, () => undefined);
  const key = String(answer);
  if (!key.startsWith('[object ')) return key;
  throw new TypeError(`it has answered ${key}, not a string or undefined.`);
}
