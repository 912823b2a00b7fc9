import { Client } from 'pg';

type Query = (this: Client, ...args: unknown[]) => unknown;

/** Has selects of notes answered from memory once their text has been answered by PostgreSQL, in a later turn of the event loop. */
export function readFromMemory(): void {
  const prototype = Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  const known = new Map<unknown, unknown>();
  prototype.query = function (...args) {
    const [text] = args;
    if (typeof text !== 'string' || !text.startsWith('SELECT "Note"')) return query.apply(this, args);
    if (known.has(text)) return new Promise((resolve) => setImmediate(resolve, known.get(text)));
    return (query.apply(this, args) as Promise<unknown>).then((answer) => {
      known.set(text, answer);
      return answer;
    });
  };
}
