import { onRejection } from '../../routing/on-rejection.js';
import type { Route } from '../../routing/route.js';

/** Called with every choice of a server. What it throws, or rejects with, is logged once. */
export type RouteListener = (route: Route) => void;

/** Tells listeners of routes. What they fail with costs no query anything, and without them nothing is called. */
export class RouteListeners {
  private readonly listeners = new Set<RouteListener>();
  private readonly failed = new WeakSet<RouteListener>();

  /** `onFailed`: told of what a listener has failed with first. They are called with every query. */
  constructor(private readonly onFailed: (error: unknown) => void) {}

  /** Returns a function that ends the subscription. */
  add(listener: RouteListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(route: Route): void {
    if (this.listeners.size === 0) return;
    for (const listener of this.listeners) this.call(listener, route);
  }

  private call(listener: (route: Route) => unknown, route: Route): void {
    try {
      const answer = listener(route);
      if (answer !== undefined) onRejection(answer, (error) => this.fail(listener, error));
    } catch (error) {
      this.fail(listener, error);
    }
  }

  private fail(listener: RouteListener, error: unknown): void {
    if (this.failed.has(listener)) return;
    this.failed.add(listener);
    this.onFailed(error);
  }
}
