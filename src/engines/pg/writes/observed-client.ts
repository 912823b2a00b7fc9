import type { WriteWatch } from '../../../engine.js';
import type { PgClient } from '../internals.js';
import type { PositionQuestion } from '../pg-server.js';
import { WriteObserver } from './write-observer.js';

/**
 * The client as TypeORM sees it on a writable session. Only `query` differs: committed writes are told to `watch`, with
 * the position of the log after them, as far as the database has positions. Nothing here changes what a statement answers, or whether it fails.
 */
export function observePgWrites(
  connection: unknown,
  watch: WriteWatch,
  askPosition: (client: PgClient) => PositionQuestion,
): unknown {
  const client = connection as ObservedClient;
  const view = (client[KEY] ??= new ClientView(client, askPosition(client)));
  view.observer = new WriteObserver(client, watch, view.position);
  return view.proxy;
}

/** The client itself, for what is asked in its user's absence: nothing of that is a write of the application. */
export function unobserved(connection: unknown): PgClient {
  return (connection as ObservedClient)[KEY]?.client ?? (connection as PgClient);
}

const KEY = Symbol.for('nestjs-replicated.observed');

type ObservedClient = PgClient & object & { [KEY]?: ClientView };
type Method = (...args: unknown[]) => unknown;

/** One per connection, for all the query runners that it will serve, one after the other. */
class ClientView implements ProxyHandler<ObservedClient> {
  readonly proxy: unknown;
  observer: WriteObserver | undefined;
  private readonly bound = new WeakMap<object, Method>();

  constructor(
    readonly client: ObservedClient,
    readonly position: PositionQuestion,
  ) {
    this.proxy = new Proxy(client, this);
  }

  private readonly query: Method = (...args) => this.observer?.query(...args);

  get(target: ObservedClient, key: string | symbol): unknown {
    if (key === 'query') return this.query;
    const value: unknown = Reflect.get(target, key, target);
    // A bound class would lose what hangs on it, such as `pg.Client.Query`.
    return typeof value === 'function' && key !== 'constructor' ? this.bind(value as Method, target) : value;
  }

  private bind(method: Method, target: object): Method {
    let bound = this.bound.get(method);
    if (!bound) this.bound.set(method, (bound = method.bind(target) as Method));
    return bound;
  }
}
