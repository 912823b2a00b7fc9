import type { WriteWatch } from '../../../engine.js';
import type { MysqlConnection } from '../connection.js';
import { WriteObserver } from './write-observer.js';

/**
 * The connection as TypeORM sees it on a writable session: what it sends is heard by an observer, which tells `watch` of
 * commits. Nothing here changes what a statement answers, or whether it fails.
 */
export function observeMysqlWrites(connection: unknown, watch: WriteWatch): unknown {
  const observed = connection as ObservedConnection;
  const view = (observed[KEY] ??= new ConnectionView(observed));
  view.observer = new WriteObserver(observed, watch);
  return view.proxy;
}

/** The connection itself, for what is asked in its user's absence: nothing of that is a write of the application. */
export function unobserved(connection: unknown): MysqlConnection {
  return (connection as ObservedConnection)[KEY]?.connection ?? (connection as MysqlConnection);
}

/** What packets have left open of the writes on a connection. */
export function openQuestion(connection: unknown): (() => Promise<void>) | undefined {
  return (connection as ObservedConnection)[KEY]?.observer?.openQuestion;
}

const KEY = Symbol.for('nestjs-replicated.observed');

type ObservedConnection = MysqlConnection & { [KEY]?: ConnectionView };
type Method = (...args: unknown[]) => unknown;

/** Those of mysql2 that send by `this.query`. */
const SENDERS = new Set<string | symbol>(['promise', 'beginTransaction', 'commit', 'rollback']);

/** One per connection, for all the query runners that it will serve, one after the other. */
class ConnectionView implements ProxyHandler<ObservedConnection> {
  readonly proxy: unknown;
  observer: WriteObserver | undefined;
  private readonly bound = new WeakMap<object, Method>();

  constructor(readonly connection: ObservedConnection) {
    this.proxy = new Proxy(connection, this);
  }

  private readonly query: Method = (...args) => this.observer?.send('query', args);
  private readonly execute: Method = (...args) => this.observer?.send('execute', args);

  get(target: ObservedConnection, key: string | symbol, proxy: unknown): unknown {
    if (key === 'query') return this.query;
    if (key === 'execute') return this.execute;
    const value: unknown = Reflect.get(target, key, target);
    if (typeof value !== 'function' || key === 'constructor') return value;
    // All else would put the view into the pool in place of the connection.
    return this.bind(value as Method, SENDERS.has(key) ? proxy : target);
  }

  private bind(method: Method, self: unknown): Method {
    let bound = this.bound.get(method);
    if (!bound) this.bound.set(method, (bound = method.bind(self) as Method));
    return bound;
  }
}
