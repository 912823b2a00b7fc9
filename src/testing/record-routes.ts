import type { AsyncLocalStorage } from 'node:async_hooks';

/** One query: what asked for it, and where it went. */
export interface RecordedRoute {
  /** Method and path of the request, as it was sent: `GET /posts`; `undefined` outside of HTTP. */
  readonly request: string | undefined;
  /** `PostsController.list` */
  readonly handler: string | undefined;
  readonly role: 'primary' | 'replica';
  /** Name of the server. */
  readonly node: string;
  readonly reason: string;
}

/** As much of a Nest application as recording needs. */
export interface RecordedApplication {
  get(token: symbol, options: { readonly strict: false }): unknown;
}

/** Options of {@link recordRoutes}. */
export interface RecordOptions {
  /** Name of the cluster. @default 'default' */
  readonly cluster?: string;
}

/**
 * Records where the queries of an application go, from now on until `stop()`.
 *
 * ```ts
 * const routes = recordRoutes(app);
 * await request(app.getHttpServer()).get('/posts').expect(200);
 * routes.assertUsed('GET /posts', 'replica');
 * expect(routes.lines()).toEqual(['GET /posts: replica (read-method)']);
 * ```
 */
export function recordRoutes(
  app: RecordedApplication,
  { cluster = 'default' }: RecordOptions = {},
): RouteRecord {
  const observed = app.get(Symbol.for(`nestjs-replicated:cluster:${cluster}`), { strict: false });
  return new RouteRecord(observed as Observed);
}

/** The queries of an application, as {@link recordRoutes} has recorded them. */
export class RouteRecord {
  private readonly recorded: RecordedRoute[] = [];
  /** Records nothing more. */
  readonly stop: () => void;

  /** @internal */
  constructor(cluster: Observed) {
    this.stop = cluster.onRoute((route) => void this.recorded.push({ ...whoAsks(), ...route }));
  }

  /** All queries, in their sequence. */
  get routes(): readonly RecordedRoute[] {
    return this.recorded;
  }

  /** Those of a request or a handler: `of('GET /posts')`, `of('PostsController.list')`. */
  of(asker: string): readonly RecordedRoute[] {
    return this.recorded.filter(({ request, handler }) => request === asker || handler === asker);
  }

  /** Whence went what, each once and in order, without names of servers: for snapshots. */
  lines(): readonly string[] {
    return [...new Set(this.recorded.map(lineOf))].toSorted();
  }

  /**
   * Asserts that a request, or a handler, has asked servers of this role, and no others.
   *
   * @throws Error that says where its queries went.
   */
  assertUsed(asker: string, role: RecordedRoute['role']): void {
    const routes = this.of(asker);
    if (routes.length > 0 && routes.every((route) => route.role === role)) return;
    const seen = routes.length > 0 ? routes.map(lineOf) : ['no query of it', ...this.askers()];
    throw new Error(
      `${asker} was to use a ${role} for every query. Recorded: ${[...new Set(seen)].join('; ')}.`,
    );
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.recorded.length = 0;
  }

  private askers(): readonly string[] {
    const askers = new Set(this.recorded.map(askerOf));
    return askers.size === 0 ? [] : [`but of ${[...askers].join(', ')}`];
  }
}

/** As much of a cluster as is used here: this entry knows nothing of the library. */
interface Observed {
  onRoute(listener: (route: Pick<RecordedRoute, 'role' | 'node' | 'reason'>) => void): () => void;
}

interface Scope {
  readonly unit: {
    readonly handler: string | undefined;
    readonly request: { readonly method?: string; readonly path?: string } | undefined;
  };
}

/** Listeners of routes are called in the query's own context, and its unit of work is kept where both builds find it. */
function whoAsks(): Pick<RecordedRoute, 'request' | 'handler'> {
  const key = Symbol.for('nestjs-replicated.scope');
  const storage = (globalThis as { [key]?: AsyncLocalStorage<Scope | undefined> })[key];
  const unit = storage?.getStore()?.unit;
  const request = unit?.request;
  return { request: request && `${request.method} ${request.path}`, handler: unit?.handler };
}

function lineOf(route: RecordedRoute): string {
  return `${askerOf(route)}: ${route.role} (${route.reason})`;
}

function askerOf({ request, handler }: RecordedRoute): string {
  return request ?? handler ?? 'outside of a unit of work';
}
