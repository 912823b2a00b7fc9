import { Client } from 'pg';

type Callback = (error: unknown, result?: unknown) => void;
type Query = (this: Client, ...args: unknown[]) => unknown;

/** Has selects of notes answered from memory once their text has been answered by PostgreSQL, in a later turn of the event loop. */
export function readFromMemory(): void {
  const prototype = Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  const known = new Map<string, unknown>();
  const answer = (client: Client, [text, values]: readonly unknown[], callback: Callback) => {
    if (known.has(text as string)) return void setImmediate(callback, null, known.get(text as string));
    query.call(client, text, values, (error: unknown, result: unknown) => {
      if (!error) known.set(text as string, result);
      callback(error, result);
    });
  };
  prototype.query = function (...args) {
    const [text] = args;
    if (typeof text !== 'string' || !text.startsWith('SELECT "Note"')) return query.apply(this, args);
    const last = args.at(-1);
    if (typeof last === 'function') return answer(this, args, last as Callback);
    return new Promise((resolve, reject) =>
      answer(this, args, (error, result) => (error ? reject(error as Error) : resolve(result))),
    );
  };
}
